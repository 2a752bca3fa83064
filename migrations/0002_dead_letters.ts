import type { Knex } from 'knex';

/** What was set aside, for an operator to look at. */
export const up = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('dead_letters', (table) => {
    table.string('id', 64).notNullable().primary();
    table.string('tenant', 64).notNullable();
    table.string('queue', 255).notNullable();
    table.string('message_id', 255).notNullable();
    table.string('reason', 64).notNullable();
    table.text('error');
    table.integer('attempts').notNullable();
    table.string('type', 255).notNullable();
    table.string('source', 255).notNullable();
    table.bigInteger('sequence');
    table.bigInteger('first_seen').notNullable();
    table.bigInteger('last_seen').notNullable();
    table.text('message', 'mediumtext').notNullable();
    table.unique(['tenant', 'queue', 'message_id'], { indexName: 'dead_letters_by_message' });
  });
};

export const down = async (knex: Knex): Promise<void> => {
  await knex.schema.dropTableIfExists('dead_letters');
};
