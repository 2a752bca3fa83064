import type { Knex } from 'knex';

/** A message's id is unique within its source only, so two sources' letters with one id are two letters. */
export const up = async (knex: Knex): Promise<void> => {
  await knex.schema.alterTable('dead_letters', (table) => {
    table.dropUnique(['tenant', 'queue', 'message_id'], 'dead_letters_by_message');
  });
  await knex.schema.alterTable('dead_letters', (table) => {
    table.unique(['tenant', 'queue', 'source', 'message_id'], { indexName: 'dead_letters_by_message' });
  });
};

/** Of letters that only their source tells apart, the one that was found first stays. */
export const down = async (knex: Knex): Promise<void> => {
  await knex('dead_letters')
    .whereNotIn('id', knex('dead_letters').min('id').groupBy('tenant', 'queue', 'message_id'))
    .delete();
  await knex.schema.alterTable('dead_letters', (table) => {
    table.dropUnique(['tenant', 'queue', 'source', 'message_id'], 'dead_letters_by_message');
  });
  await knex.schema.alterTable('dead_letters', (table) => {
    table.unique(['tenant', 'queue', 'message_id'], { indexName: 'dead_letters_by_message' });
  });
};
