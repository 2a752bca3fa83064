import type { Clock } from '../../ports/clock.ts';
import type { OutboxWriter } from '../../ports/outbox.ts';
import { partitionOf } from '../partitionOf.ts';
import type { BulkTable, SendingSession, SqlDialect } from './dialect.ts';

const table: BulkTable = {
  name: 'outbox',
  columns: [
    'id',
    'tenant',
    'source',
    'sequence',
    'type',
    'exchange',
    'routing_key',
    'traceparent',
    'partition_no',
    'due_at',
    'added_at',
    'headers',
    'payload',
  ],
  longText: true,
};

export const createOutboxWriter = (
  session: SendingSession,
  dialect: SqlDialect,
  clock: Clock,
): OutboxWriter => ({
  add: async (messages) => {
    const now = clock.now();
    const rows = messages.map((message) => [
      message.id,
      message.tenant,
      message.source,
      message.sequence,
      message.type,
      message.exchange,
      message.routingKey,
      message.traceparent,
      partitionOf(message.tenant, message.source),
      message.dueAt,
      now,
      message.headers === undefined ? null : JSON.stringify(message.headers),
      message.payload,
    ]);
    await dialect.insert(session, table, rows);
  },
});
