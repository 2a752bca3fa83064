import type { Knex } from 'knex';

const tables = ['redrive_jobs', 'replay_jobs'];

/** When jobs ended, so that they can go some time later. Of earlier ones nobody knows: they count from their question. */
export const up = async (knex: Knex): Promise<void> => {
  for (const name of tables) {
    await knex.schema.alterTable(name, (table) => {
      table.bigInteger('ended_at');
      table.index(['ended_at'], `${name}_by_end`, { predicate: knex.whereNotNull('ended_at') });
    });
    await knex(name)
      .whereNot('state', 'running')
      .update({ ended_at: knex.ref('created_at') });
  }
};

export const down = async (knex: Knex): Promise<void> => {
  for (const name of tables) {
    await knex.schema.alterTable(name, (table) => table.dropIndex(['ended_at'], `${name}_by_end`));
    await knex.schema.alterTable(name, (table) => table.dropColumn('ended_at'));
  }
};
