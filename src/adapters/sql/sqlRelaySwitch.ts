import type { RelaySwitchKeeper, RelaySwitchReader } from '../../ports/relaySwitch.ts';
import type { BulkTable, SendingSession, Session, SqlDialect } from './dialect.ts';

interface Row {
  readonly paused: number;
  readonly changed_at: number;
  readonly changed_by: string;
}

const theOnlyRow = 1;

const table: BulkTable = {
  name: 'relay_switch',
  columns: ['id', 'paused', 'changed_at', 'changed_by'],
  longText: false,
  suffix: `on conflict (id) do update set paused = excluded.paused, changed_at = excluded.changed_at,
    changed_by = excluded.changed_by`,
};

export const createRelaySwitchReader = (read: Session): RelaySwitchReader => ({
  read: async () => {
    const [row] = await read.query<Row>(
      'select paused, changed_at, changed_by from relay_switch where id = ?',
      [theOnlyRow],
    );
    if (row === undefined) return { paused: false, changedAt: null, changedBy: null };
    return { paused: row.paused === 1, changedAt: row.changed_at, changedBy: row.changed_by };
  },
});

export const createRelaySwitchKeeper = (session: SendingSession, dialect: SqlDialect): RelaySwitchKeeper => ({
  set: async ({ paused, at, by }) => {
    await dialect.insert(session, table, [[theOnlyRow, paused ? 1 : 0, at, by]]);
  },
});
