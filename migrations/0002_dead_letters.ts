import type { Knex } from 'knex';

/** What was set aside, and what operators did about it. */
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
  await knex.schema.createTable('redrive_jobs', (table) => {
    table.string('id', 64).notNullable().primary();
    table.string('tenant', 64).notNullable();
    table.text('selection').notNullable();
    table.integer('most');
    table.integer('rate_per_second');
    table.integer('total').notNullable();
    table.integer('done').notNullable();
    table.string('state', 16).notNullable();
    table.bigInteger('created_at').notNullable();
    table.string('created_by', 255).notNullable();
    table.index(['state', 'id'], 'redrive_jobs_by_state');
  });
  await knex.schema.createTable('desk_actions', (table) => {
    table.string('id', 64).notNullable().primary();
    table.string('tenant', 64).notNullable();
    table.bigInteger('at').notNullable();
    table.string('who', 255).notNullable();
    table.string('what', 16).notNullable();
    table.integer('letters').notNullable();
    table.text('detail').notNullable();
  });
};

export const down = async (knex: Knex): Promise<void> => {
  for (const table of ['desk_actions', 'redrive_jobs', 'dead_letters'])
    await knex.schema.dropTableIfExists(table);
};
