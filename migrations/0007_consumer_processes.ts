import type { Knex } from 'knex';

/** Which processes consume: a row that no longer changes is what one leaves behind that was killed. */
export const up = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('consumer_processes', (table) => {
    table.string('id', 64).notNullable().primary();
    table.bigInteger('beats').notNullable();
  });
};

export const down = async (knex: Knex): Promise<void> => {
  await knex.schema.dropTableIfExists('consumer_processes');
};
