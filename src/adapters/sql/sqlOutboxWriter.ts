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
  withdraw: (tenant, sourcePrefix) =>
    dialect.change(session, `delete from outbox where ${unpublishedOf}`, [
      tenant,
      ...sourceRange(sourcePrefix),
    ]),
  retryAll: () =>
    dialect.change(
      session,
      `update outbox set due_at = 0, set_aside_reason = null,
         attempts = case when set_aside_reason is null then attempts else 0 end
       where published_at is null and (set_aside_reason is not null or (last_error is not null and due_at > 0))`,
      [],
    ),
});

/** Takes a tenant and a `sourceRange`. */
export const unpublishedOf = 'tenant = ? and source > ? and source < ? and published_at is null';

/** Between these are all sources that begin with the prefix, which ends in `/`: the next character is `0`. */
export const sourceRange = (prefix: string): readonly [string, string] => [prefix, `${prefix.slice(0, -1)}0`];
