import type { Knex } from 'knex';

/** What operators do beside the dead letters: replays, the relay's switch; and one record of all their actions. */
export const up = async (knex: Knex): Promise<void> => {
  await knex.schema.renameTable('desk_actions', 'admin_actions');
  await knex.schema.alterTable('admin_actions', (table) => {
    table.renameColumn('letters', 'messages');
    table.index(['tenant', 'id'], 'admin_actions_by_tenant');
  });
  await knex.schema.createTable('relay_switch', (table) => {
    table.integer('id').notNullable().primary();
    table.integer('paused').notNullable();
    table.bigInteger('changed_at').notNullable();
    table.string('changed_by', 255).notNullable();
  });
  await knex.schema.createTable('replay_jobs', (table) => {
    table.string('id', 64).notNullable().primary();
    table.string('tenant', 64).notNullable();
    table.string('queue', 255).notNullable();
    table.text('streams');
    table.bigInteger('from_position').notNullable();
    table.bigInteger('until_position').notNullable();
    table.bigInteger('position').notNullable();
    table.bigInteger('underway').notNullable();
    table.bigInteger('sent').notNullable();
    table.integer('rate_per_second');
    table.bigInteger('next_step_at').notNullable();
    table.string('state', 16).notNullable();
    table.bigInteger('created_at').notNullable();
    table.string('created_by', 255).notNullable();
    table.index(['state', 'id'], 'replay_jobs_by_state');
  });
  await knex.schema.createTable('queue_starts', (table) => {
    table.string('queue', 255).notNullable().primary();
    table.bigInteger('started_at').notNullable();
  });
  await knex.schema.alterTable('outbox', (table) => {
    table.index(['row_no'], 'outbox_put_off', {
      predicate: knex.whereNull('published_at').whereNull('set_aside_reason').whereNotNull('last_error'),
    });
  });
};

export const down = async (knex: Knex): Promise<void> => {
  await knex.schema.alterTable('outbox', (table) => table.dropIndex(['row_no'], 'outbox_put_off'));
  for (const table of ['queue_starts', 'replay_jobs', 'relay_switch'])
    await knex.schema.dropTableIfExists(table);
  await knex.schema.alterTable('admin_actions', (table) => {
    table.dropIndex(['tenant', 'id'], 'admin_actions_by_tenant');
    table.renameColumn('messages', 'letters');
  });
  await knex.schema.renameTable('admin_actions', 'desk_actions');
};
