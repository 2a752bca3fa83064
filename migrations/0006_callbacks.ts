import type { Knex } from 'knex';

/** What third parties have reported, as it came, and what became of it. */
export const up = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('callbacks', (table) => {
    table.string('id', 64).notNullable().primary();
    table.string('tenant', 64).notNullable();
    table.string('provider', 64).notNullable();
    table.string('callback_id', 255).notNullable();
    table.string('state', 16).notNullable();
    table.string('stream', 160);
    table.text('fact');
    table.text('error');
    table.bigInteger('received_at').notNullable();
    table.bigInteger('applied_at');
    table.string('correlation_id', 128).notNullable();
    table.string('traceparent', 64);
    table.text('body', 'mediumtext').notNullable();
    table.unique(['tenant', 'provider', 'callback_id'], { indexName: 'callbacks_by_key' });
    table.index(['received_at'], 'callbacks_by_age');
    // Nearly all are applied at once: this index holds the few that somebody looks for.
    table.index(['state', 'id'], 'callbacks_not_applied', {
      predicate: knex.whereNull('applied_at'),
    });
  });
};

export const down = async (knex: Knex): Promise<void> => {
  await knex.schema.dropTableIfExists('callbacks');
};
