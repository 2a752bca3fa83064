import type { WaitingMessage } from '../../ports/inbox.ts';
import type { BulkTable } from './dialect.ts';

export interface WaitingRow {
  readonly consumer: string;
  readonly tenant: string;
  readonly source: string;
  readonly sequence: number;
  readonly message_id: string;
  readonly type: string;
  readonly state: WaitingMessage['state'];
  readonly attempts: number;
  readonly deaths: number;
  readonly due_at: number;
  readonly error: string | null;
  readonly first_seen: number;
  readonly message: string;
}

const waitingColumns = [
  'consumer',
  'tenant',
  'source',
  'sequence',
  'message_id',
  'type',
  'state',
  'attempts',
  'deaths',
  'due_at',
  'error',
  'first_seen',
  'message',
] as const;

export const waitingTable: BulkTable = {
  name: 'inbox_waiting',
  columns: waitingColumns,
  longText: true,
  suffix: `on conflict (consumer, tenant, source, sequence, message_id) do update set state = excluded.state,
    attempts = excluded.attempts, deaths = excluded.deaths, due_at = excluded.due_at, error = excluded.error,
    first_seen = excluded.first_seen, message = excluded.message`,
};

export const selectWaiting = `select ${waitingColumns.map((column) => `w.${column}`).join(', ')}`;

export const waitingValues = (message: WaitingMessage): (string | number | null)[] => [
  message.consumer,
  message.tenant,
  message.source,
  message.sequence,
  message.messageId,
  message.type,
  message.state,
  message.attempts,
  message.deaths,
  message.dueAt,
  message.error,
  message.firstSeen,
  message.message,
];

export const toWaiting = (row: WaitingRow): WaitingMessage => ({
  consumer: row.consumer,
  tenant: row.tenant,
  source: row.source,
  sequence: row.sequence,
  messageId: row.message_id,
  type: row.type,
  state: row.state,
  attempts: row.attempts,
  deaths: row.deaths,
  dueAt: row.due_at,
  error: row.error,
  firstSeen: row.first_seen,
  message: row.message,
});
