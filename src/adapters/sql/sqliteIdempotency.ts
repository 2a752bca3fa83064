import { hash } from 'node:crypto';
import {
  type IdempotencyCleaner,
  type IdempotencyKeeper,
  type IdempotencyKey,
  type IdempotencyRecord,
  idempotencyKeyText,
} from '../../ports/idempotencyStore.ts';
import { TransactionConflict } from '../../ports/unitOfWork.ts';
import type { BulkTable, SqlDialect } from './dialect.ts';
import { catchUp, type SqliteKeyIndex } from './SqliteKeyIndex.ts';
import type { SqlWriter } from './SqlWriter.ts';
import type { TransactionSession } from './TransactionSession.ts';

interface RecordRow {
  readonly tenant: string;
  readonly caller: string;
  readonly idempotency_key: string;
  readonly fingerprint: string;
  readonly answer: string;
  readonly wrote_stream: string | null;
  readonly wrote_version: number | null;
  readonly created_at: number;
}

const columns = [
  'tenant',
  'caller',
  'idempotency_key',
  'fingerprint',
  'wrote_stream',
  'wrote_version',
  'created_at',
  'answer',
] as const;

const table: BulkTable = { name: 'idempotency', columns: ['key_hash', ...columns], longText: true };

export const createIdempotencyKeeper = (
  session: TransactionSession,
  dialect: SqlDialect,
  index: SqliteKeyIndex,
): IdempotencyKeeper => {
  /** What this transaction knows of keys; nobody else can write them meanwhile. */
  const known = new Map<string, IdempotencyRecord | 'absent'>();

  const lookUp = async (keys: readonly IdempotencyKey[]): Promise<void> => {
    const unknown = new Map(
      keys.map((key) => [idempotencyKeyText(key), key] as const).filter(([text]) => !known.has(text)),
    );
    if (unknown.size === 0) return;
    const rows = await findRows(session, dialect, unknown);
    index.lookedUp();
    for (const text of unknown.keys()) known.set(text, 'absent');
    for (const row of rows) {
      const record = toRecord(row);
      known.set(idempotencyKeyText(record), record);
    }
  };

  return {
    find: async (keys) => {
      await lookUp(keys);
      const texts = new Set(keys.map(idempotencyKeyText));
      return [...texts]
        .map((text) => known.get(text))
        .filter((record) => record !== undefined && record !== 'absent');
    },
    save: async (records) => {
      await lookUp(records);
      for (const record of records) {
        const text = idempotencyKeyText(record);
        if (known.get(text) !== 'absent') {
          throw session.doom(new TransactionConflict('an idempotency key was used already'));
        }
        known.set(text, record);
      }
      await dialect.insert(session, table, records.map(toRow));
      session.onCommitted(() => index.grown(records.length));
    },
  };
};

export const createIdempotencyCleaner = (writer: SqlWriter, dialect: SqlDialect): IdempotencyCleaner => ({
  // The index entries of deleted rows lead nowhere until the index forgets them in its own time.
  deleteOlderThan: (before, limit) =>
    writer.write((session) =>
      dialect.change(
        session,
        `delete from idempotency where row_no in
           (select row_no from idempotency where created_at < ? order by created_at, row_no limit ?)`,
        [before, limit],
      ),
    ),
});

/** "cross join" keeps the order of the tables: the few keys first, then one search each. */
const findRows = async (
  session: TransactionSession,
  dialect: SqlDialect,
  keys: ReadonlyMap<string, IdempotencyKey>,
): Promise<readonly RecordRow[]> => {
  await catchUp(session);
  const selected = columns.map((column) => `i.${column}`).join(', ');
  const through = (
    entries: string,
  ): string => `select ${selected} from k cross join ${entries} x on x.key_hash = k.c0
    cross join idempotency i on i.row_no = x.row_no and i.tenant = k.c1 and i.caller = k.c2 and i.idempotency_key = k.c3`;
  return session.query<RecordRow>(
    `with k as materialized (select * from ${dialect.rows(['integer', 'text', 'text', 'text'])})
     ${through('idempotency_hashes')} union all ${through('temp.recent_keys')}`,
    [JSON.stringify([...keys].map(([text, { tenant, caller, key }]) => [hashOf(text), tenant, caller, key]))],
  );
};

/**
 * 48 bits, so that an index entry is small. A cryptographic hash, because clients choose the keys: with a weaker one
 * they could make thousands of keys that must be compared one by one.
 */
const hashOf = (text: string): number => Number.parseInt(hash('sha1', text, 'hex').slice(0, 12), 16);

const toRow = (record: IdempotencyRecord): (string | number | null)[] => [
  hashOf(idempotencyKeyText(record)),
  record.tenant,
  record.caller,
  record.key,
  record.fingerprint,
  record.wrote?.stream ?? null,
  record.wrote?.sequence ?? null,
  record.createdAt,
  record.answer,
];

const toRecord = (row: RecordRow): IdempotencyRecord => ({
  tenant: row.tenant,
  caller: row.caller,
  key: row.idempotency_key,
  fingerprint: row.fingerprint,
  answer: row.answer,
  wrote:
    row.wrote_stream === null || row.wrote_version === null
      ? null
      : { stream: row.wrote_stream, sequence: row.wrote_version },
  createdAt: row.created_at,
});
