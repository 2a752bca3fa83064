import type { Knex } from 'knex';

/** Some letters are too large to be sent back: a redrive passes them by, and counts them. */
export const up = async (knex: Knex): Promise<void> => {
  await knex.schema.alterTable('dead_letters', (table) => {
    table.boolean('redrivable').notNullable().defaultTo(true);
  });
  await knex.schema.alterTable('redrive_jobs', (table) => {
    table.integer('skipped').notNullable().defaultTo(0);
  });
  // 16 MiB. A character takes at most 4 bytes, and the letter's JSON is never shorter than the payload in it: so most
  // need no look inside.
  await knex('dead_letters')
    .whereRaw('length(message) * 4 > 16777216')
    .whereRaw("length(cast(json_extract(message, '$.payload') as blob)) > 16777216")
    .update({ redrivable: false });
};

export const down = async (knex: Knex): Promise<void> => {
  await knex.schema.alterTable('redrive_jobs', (table) => {
    table.dropColumn('skipped');
  });
  await knex.schema.alterTable('dead_letters', (table) => {
    table.dropColumn('redrivable');
  });
};
