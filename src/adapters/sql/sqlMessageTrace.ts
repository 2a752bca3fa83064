import type { GateMove } from '../../ports/inbox.ts';
import type { MessageTrace, TracedMessage } from '../../ports/messageTrace.ts';
import { readCause } from '../readCause.ts';
import type { Session, SqlDialect } from './dialect.ts';
import { selectWaiting, toWaiting, type WaitingRow } from './waitingRows.ts';

interface OutboxRow extends Omit<TracedMessage, 'causationId' | 'correlationId'> {
  readonly payload: string;
}

export const createMessageTrace = (read: Session, dialect: SqlDialect): MessageTrace => {
  const among = (column: string): string => `${column} in (select c0 from ${dialect.rows(['text'])} k)`;
  const listed = (values: readonly string[]): string => JSON.stringify(values.map((value) => [value]));
  return {
    outbox: async (tenant, sources, ids) => {
      const rows = await read.query<OutboxRow>(
        `select id, source, sequence, type, payload, added_at as "addedAt", due_at as "dueAt",
           published_at as "publishedAt", set_aside_reason as "setAsideReason"
         from outbox where tenant = ? and (${among('source')} or ${among('id')})`,
        [tenant, listed(sources), listed(ids)],
      );
      return rows.map(({ payload, ...row }) => ({ ...row, ...readCause(payload) }));
    },
    gates: (tenant, sources) =>
      read.query<GateMove>(
        `select consumer, tenant, source, sequence from inbox_gates where tenant = ? and ${among('source')}`,
        [tenant, listed(sources)],
      ),
    waiting: async (tenant, sources) => {
      const rows = await read.query<WaitingRow>(
        `${selectWaiting} from inbox_waiting w where w.tenant = ? and ${among('w.source')}`,
        [tenant, listed(sources)],
      );
      return rows.map(toWaiting);
    },
  };
};
