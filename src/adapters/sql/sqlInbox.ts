import {
  type BlockedStream,
  type GateKey,
  type GateMove,
  gateKeyText,
  type InboxCleaner,
  type InboxGate,
  type InboxReader,
  type WaitingMessage,
} from '../../ports/inbox.ts';
import { TransactionConflict } from '../../ports/unitOfWork.ts';
import type { BulkTable, Session, SqlDialect } from './dialect.ts';
import type { SqlWriter } from './SqlWriter.ts';
import type { TransactionSession } from './TransactionSession.ts';
import type { KnownGate, WriterMemory } from './WriterMemory.ts';
import { selectWaiting, toWaiting, type WaitingRow, waitingTable, waitingValues } from './waitingRows.ts';

const gates: BulkTable = {
  name: 'inbox_gates',
  columns: ['consumer', 'tenant', 'source', 'sequence'],
  longText: false,
  suffix: 'on conflict (consumer, tenant, source) do update set sequence = excluded.sequence',
};

const seen: BulkTable = {
  name: 'inbox_seen',
  columns: ['consumer', 'tenant', 'source', 'message_id', 'seen_at'],
  longText: false,
};

/** Rows need no locks of their own here: the transaction has the database to itself, absent rows included. */
export const createInboxGate = (
  session: TransactionSession,
  dialect: SqlDialect,
  memory: WriterMemory,
): InboxGate => {
  const moveRows = dialect.rows(['text', 'text', 'text', 'integer']);
  const rangeRows = dialect.rows(['text', 'text', 'text', 'integer', 'integer']);
  const idRows = dialect.rows(['text', 'text', 'text', 'text']);
  const waitingOfKey = 'w.consumer = k.c0 and w.tenant = k.c1 and w.source = k.c2';

  /** In the order of the keys. */
  const lookUp = async (keys: readonly GateKey[]): Promise<readonly KnownGate[]> => {
    await memory.fresh(session);
    return memory.gates.all(keys.map(gateKeyText), async (places) => {
      const read = await readGates(places.map((place) => keys[place]!));
      session.requireOpen();
      return read;
    });
  };

  const readGates = async (keys: readonly GateKey[]): Promise<readonly KnownGate[]> => {
    const states = keys.map((): KnownGate => ({ sequence: 0, hasWaiting: false }));
    // Only what there is: every row that comes back costs more than looking for it.
    const keyRows = JSON.stringify(keys.map((key, place) => [...keyValues(key), place]));
    const found = await session.query<{ place: number; sequence: number | null }>(
      `select k.c3 as place, g.sequence from ${moveRows} k
       join inbox_gates g on g.consumer = k.c0 and g.tenant = k.c1 and g.source = k.c2
       union all
       select k.c3, null from ${moveRows} k where exists (select 1 from inbox_waiting w where ${waitingOfKey})`,
      [keyRows, keyRows],
    );
    for (const { place, sequence } of found) {
      if (sequence === null) states[place]!.hasWaiting = true;
      else states[place]!.sequence = sequence;
    }
    return states;
  };

  /** Whether it has rows is to be looked up again. */
  const forget = (keys: readonly GateKey[]): void => {
    for (const key of keys) memory.gates.delete(gateKeyText(key));
  };

  return {
    lockGates: async (keys) => (await lookUp(keys)).map((gate) => ({ ...gate })),
    moveGates: async (moves) => {
      const states = await lookUp(moves);
      for (const [index, { sequence }] of moves.entries()) {
        const gate = states[index]!;
        if (sequence <= gate.sequence) {
          throw session.doom(new TransactionConflict('an order gate had moved on already'));
        }
        gate.sequence = sequence;
      }
      await dialect.insert(session, gates, moves.map(moveValues));
    },
    readWaiting: async (ranges) => {
      if (ranges.length === 0) return [];
      const rows = await session.query<WaitingRow>(
        `${selectWaiting} from ${rangeRows} k
         join inbox_waiting w on ${waitingOfKey} and w.sequence between k.c3 and k.c4
         order by w.consumer, w.tenant, w.source, w.sequence`,
        [JSON.stringify(ranges.map((range) => [...keyValues(range), range.from, range.to]))],
      );
      return rows.map(toWaiting);
    },
    saveWaiting: async (messages) => {
      forget(messages);
      await dialect.insert(session, waitingTable, messages.map(waitingValues));
    },
    dropWaitingThrough: async (moves) => {
      if (moves.length === 0) return;
      forget(moves);
      await session.query(
        `delete from inbox_waiting where (consumer, tenant, source, sequence, message_id) in
           (select w.consumer, w.tenant, w.source, w.sequence, w.message_id from ${moveRows} k
            join inbox_waiting w on ${waitingOfKey} and w.sequence between 1 and k.c3)`,
        [JSON.stringify(moves.map(moveValues))],
      );
    },
    dropUnsequenced: async (messages) => {
      if (messages.length === 0) return;
      forget(messages);
      await session.query(
        `delete from inbox_waiting where (consumer, tenant, source, sequence, message_id) in
           (select w.consumer, w.tenant, w.source, w.sequence, w.message_id from ${idRows} k
            join inbox_waiting w on ${waitingOfKey} and w.sequence = 0 and w.message_id = k.c3)`,
        [JSON.stringify(messages.map((message) => [...keyValues(message), message.messageId]))],
      );
    },
    findSeen: async (messages) => {
      if (messages.length === 0) return [];
      const rows = await session.query<{ place: number }>(
        `select k.c4 as place from ${dialect.rows(['text', 'text', 'text', 'text', 'integer'])} k
         join inbox_seen s on s.consumer = k.c0 and s.tenant = k.c1 and s.source = k.c2 and s.message_id = k.c3
         order by k.c4`,
        [JSON.stringify(messages.map((message, place) => [...keyValues(message), message.messageId, place]))],
      );
      return rows.map(({ place }) => place);
    },
    recordSeen: (messages) =>
      dialect.insert(
        session,
        seen,
        messages.map((message) => [...keyValues(message), message.messageId, message.seenAt]),
      ),
  };
};

export const createInboxReader = (read: Session): InboxReader => ({
  due: async (consumer, now, limit) => {
    const rows = await read.query<WaitingRow>(
      `${selectWaiting} from inbox_waiting w where w.consumer = ? and w.state in ('retrying', 'started') and w.due_at <= ?
       order by w.due_at limit ?`,
      [consumer, now, limit],
    );
    return rows.map(toWaiting);
  },
  nextDueAt: async (consumer) => {
    const [row] = await read.query<{ due: number | null }>(
      `select min(due_at) as due from inbox_waiting where consumer = ? and state in ('retrying', 'started')`,
      [consumer],
    );
    return row?.due ?? null;
  },
  stranded: async (consumer, limit) => {
    const rows = await read.query<WaitingRow>(
      `${selectWaiting} from inbox_waiting w
       left join inbox_gates g on g.consumer = w.consumer and g.tenant = w.tenant and g.source = w.source
       where w.consumer = ? and w.state = 'held' and w.sequence = coalesce(g.sequence, 0) + 1 limit ?`,
      [consumer, limit],
    );
    return rows.map(toWaiting);
  },
  blocked: async (tenant, limit) => {
    type Row = Omit<BlockedStream, 'because'> & { readonly state: WaitingMessage['state'] | null };
    const rows = await read.query<Row>(blockedRows(), [tenant, limit]);
    return rows.map(({ state, dueAt, ...row }) => ({
      ...row,
      because: state ?? 'missing',
      dueAt: state === 'retrying' || state === 'started' ? dueAt : null,
    }));
  },
});

const blockedRows = (): string => {
  const next = 'coalesce(g.sequence, 0) + 1';
  const ofNext = (column: string): string => `max(case when w.sequence = ${next} then w.${column} end)`;
  return `select w.consumer, w.tenant, w.source, max(${next}) as "waitsFor", min(w.first_seen) as since,
      sum(case when w.sequence > ${next} then 1 else 0 end) as held, ${ofNext('state')} as state,
      ${ofNext('message_id')} as "messageId", ${ofNext('error')} as error, ${ofNext('due_at')} as "dueAt"
    from inbox_waiting w
    left join inbox_gates g on g.consumer = w.consumer and g.tenant = w.tenant and g.source = w.source
    where w.tenant = ? and w.sequence > 0 group by w.consumer, w.tenant, w.source
    having sum(case when w.sequence > ${next} then 1 else 0 end) > 0 order by since, w.source limit ?`;
};

export const createInboxCleaner = (writer: SqlWriter, dialect: SqlDialect): InboxCleaner => ({
  deleteSeenBefore: (before, limit) =>
    writer.write((session) =>
      dialect.change(
        session,
        `delete from inbox_seen where (consumer, tenant, source, message_id) in
           (select consumer, tenant, source, message_id from inbox_seen where seen_at < ? order by seen_at limit ?)`,
        [before, limit],
      ),
    ),
});

const keyValues = ({ consumer, tenant, source }: GateKey): (string | number | null)[] => [
  consumer,
  tenant,
  source,
];

const moveValues = (move: GateMove): (string | number | null)[] => [...keyValues(move), move.sequence];
