import type { Knex } from 'knex';

/** What long streams fold to at some version: a stream has one row at most, and all of them can be thrown away. */
export const up = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('snapshots', (table) => {
    table.string('tenant', 64).notNullable();
    table.string('stream', 160).notNullable();
    table.integer('version').notNullable();
    table.integer('published').notNullable();
    table.integer('schema_version').notNullable();
    table.text('state', 'mediumtext').notNullable();
    table.primary(['tenant', 'stream']);
  });
};

export const down = async (knex: Knex): Promise<void> => {
  await knex.schema.dropTableIfExists('snapshots');
};
