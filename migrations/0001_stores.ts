import type { Knex } from 'knex';

/**
 * The tables of every store. Ids, keys and sources are bounded by the public contracts; documents and payloads are
 * text. Indexes are few, and most grow at their right edge: ids are time-ordered.
 */
export const up = async (knex: Knex): Promise<void> => {
  await events(knex);
  await outbox(knex);
  await relays(knex);
  await idempotency(knex);
  await inbox(knex);
  await orderViews(knex);
};

export const down = async (knex: Knex): Promise<void> => {
  for (const table of tables) await knex.schema.dropTableIfExists(table);
};

const tables = [
  'order_views',
  'inbox_seen',
  'inbox_waiting',
  'inbox_gates',
  'idempotency_progress',
  'idempotency_hashes',
  'idempotency',
  'relay_members',
  'relay_leases',
  'outbox',
  'events',
];

const events = (knex: Knex) =>
  knex.schema.createTable('events', (table) => {
    numberedBy(knex, table, 'position');
    table.string('tenant', 64).notNullable();
    table.string('stream', 160).notNullable();
    table.integer('version').notNullable();
    table.string('id', 64).notNullable();
    table.string('type', 128).notNullable();
    table.integer('schema_version').notNullable();
    table.string('time', 32).notNullable();
    table.string('correlation_id', 128).notNullable();
    table.string('causation_id', 128).notNullable();
    table.string('traceparent', 64);
    table.text('data', 'mediumtext').notNullable();
    table.unique(['tenant', 'stream', 'version'], { indexName: 'events_by_stream' });
  });

const outbox = (knex: Knex) =>
  knex.schema.createTable('outbox', (table) => {
    // Never used twice: a relay may still hold the number of a row that is long gone.
    table.bigIncrements('row_no');
    table.string('id', 64).notNullable();
    table.string('tenant', 64).notNullable();
    table.string('source', 192).notNullable();
    table.bigInteger('sequence').notNullable();
    table.string('type', 128).notNullable();
    table.string('exchange', 16).notNullable();
    table.string('routing_key', 255).notNullable();
    table.string('traceparent', 64);
    table.text('headers');
    table.integer('partition_no').notNullable();
    table.bigInteger('due_at').notNullable();
    table.bigInteger('added_at').notNullable();
    table.integer('attempts').notNullable().defaultTo(0);
    table.text('last_error');
    table.bigInteger('published_at');
    table.text('set_aside_reason');
    table.text('payload', 'mediumtext').notNullable();
    table.index(['due_at', 'row_no', 'partition_no'], 'outbox_due', {
      predicate: knex.whereNull('published_at').whereNull('set_aside_reason'),
    });
    table.index(['tenant', 'source', 'sequence'], 'outbox_unpublished', {
      predicate: knex.whereNull('published_at'),
    });
    table.index(['published_at'], 'outbox_published', { predicate: knex.whereNotNull('published_at') });
    table.index(['row_no'], 'outbox_set_aside', { predicate: knex.whereNotNull('set_aside_reason') });
  });

const relays = async (knex: Knex) => {
  await knex.schema.createTable('relay_leases', (table) => {
    table.integer('partition_no').notNullable().primary();
    table.bigInteger('fence').notNullable();
    table.string('owner', 128);
    table.bigInteger('expires_at').notNullable();
  });
  await knex.schema.createTable('relay_members', (table) => {
    table.string('owner', 128).notNullable().primary();
    table.bigInteger('expires_at').notNullable();
  });
};

/**
 * Clients choose their keys at random. In SQLite a unique index over them changes a page per key and transaction,
 * which took a third of the whole intake; there the rows stand in order of arrival, and `idempotency_hashes` is
 * filled in bulk, up to the row that `idempotency_progress` names.
 */
const idempotency = async (knex: Knex) => {
  await knex.schema.createTable('idempotency', (table) => {
    table.bigIncrements('row_no');
    table.bigInteger('key_hash').notNullable();
    table.bigInteger('created_at').notNullable();
    table.string('tenant', 64).notNullable();
    table.string('caller', 128).notNullable();
    table.string('idempotency_key', 255).notNullable();
    table.string('fingerprint', 128).notNullable();
    table.string('wrote_stream', 160);
    table.integer('wrote_version');
    table.text('answer', 'mediumtext').notNullable();
    table.index(['created_at'], 'idempotency_by_age');
    if (!isSqlite(knex)) {
      table.unique(['tenant', 'caller', 'idempotency_key'], { indexName: 'idempotency_by_key' });
    }
  });
  if (!isSqlite(knex)) return;
  await knex.raw(`create table idempotency_hashes (key_hash integer not null, row_no integer not null,
    primary key (key_hash, row_no)) without rowid`);
  await knex.schema.createTable('idempotency_progress', (table) => {
    table.integer('indexed_through').notNullable();
  });
  await knex('idempotency_progress').insert({ indexed_through: 0 });
};

const inbox = async (knex: Knex) => {
  await knex.schema.createTable('inbox_gates', (table) => {
    gateKey(table);
    table.bigInteger('sequence').notNullable();
    table.primary(['consumer', 'tenant', 'source']);
  });
  await knex.schema.createTable('inbox_waiting', (table) => {
    gateKey(table);
    table.bigInteger('sequence').notNullable();
    table.string('message_id', 128).notNullable();
    table.string('type', 128).notNullable();
    table.string('state', 16).notNullable();
    table.integer('attempts').notNullable();
    table.integer('deaths').notNullable();
    table.bigInteger('due_at').notNullable();
    table.text('error');
    table.bigInteger('first_seen').notNullable();
    table.text('message', 'mediumtext').notNullable();
    table.primary(['consumer', 'tenant', 'source', 'sequence', 'message_id']);
    table.index(['consumer', 'state', 'due_at'], 'inbox_waiting_by_time');
  });
  await knex.schema.createTable('inbox_seen', (table) => {
    gateKey(table);
    table.string('message_id', 128).notNullable();
    table.bigInteger('seen_at').notNullable();
    table.primary(['consumer', 'tenant', 'source', 'message_id']);
    table.index(['seen_at'], 'inbox_seen_by_age');
  });
};

const gateKey = (table: Knex.CreateTableBuilder): void => {
  table.string('consumer', 64).notNullable();
  table.string('tenant', 64).notNullable();
  table.string('source', 192).notNullable();
};

const orderViews = (knex: Knex) =>
  knex.schema.createTable('order_views', (table) => {
    // The list's order is the table's order: the newest orders are its last rows.
    numberedBy(knex, table, 'first_position');
    table.string('tenant', 64).notNullable();
    table.string('order_id', 64).notNullable();
    table.integer('version').notNullable();
    table.string('customer_id', 64).notNullable();
    table.string('status', 16).notNullable();
    table.text('client_reference');
    table.bigInteger('placed_at').notNullable();
    table.text('document', 'mediumtext').notNullable();
    // Customers come in no order. Within a short run of orders their entries stay on few pages, so that a
    // transaction changes few; a search for a customer asks run after run, the newest first.
    table.integer('run').notNullable();
    table.unique(['tenant', 'order_id'], { indexName: 'order_views_by_id' });
    table.index(['tenant', 'run', 'customer_id', 'first_position'], 'order_views_by_customer');
    table.index(
      ['tenant', 'first_position', 'status', 'client_reference', 'placed_at'],
      'order_views_filters',
    );
  });

/** In SQLite only a column declared INTEGER becomes the row's own number; elsewhere that has 32 bits. */
const numberedBy = (knex: Knex, table: Knex.CreateTableBuilder, column: string): void => {
  const wide = isSqlite(knex) ? table.integer(column) : table.bigInteger(column);
  wide.notNullable().primary();
};

const isSqlite = (knex: Knex): boolean => String(knex.client.config.client).includes('sqlite');
