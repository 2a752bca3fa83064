import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  DatabaseTooNew,
  MigrationsPending,
  migrateDown,
  migrateUp,
  migrationStatus,
} from '../../src/adapters/sql/migrations.ts';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { openWriter } from '../../src/adapters/sql/sqliteConnection.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';

describe('migrations', () => {
  let directory: string;
  let file: string;
  let knex: Knex;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'orderflow-migrations-'));
    file = join(directory, 'orderflow.db');
    knex = connect();
  });

  afterEach(async () => {
    await knex.destroy();
    await rm(directory, { recursive: true, force: true });
  });

  const connect = () =>
    openWriter({
      file,
      driver: 'sqlite3',
      createDirectory: false,
      busyTimeoutMs: 5_000,
      logger: silentLogger,
    });
  const open = (migrate: 'up' | 'check') =>
    openSqliteStores({ file, migrate, clock: systemClock, logger: silentLogger });
  const schema = async () =>
    (await knex.raw(
      "select name, sql from sqlite_master where name not like 'sqlite_%' order by name",
    )) as object[];

  it('go up from nothing, down to nothing, and up again to the same schema', async () => {
    const { pending } = await migrationStatus(knex);
    expect(pending.length).toBeGreaterThan(0);
    expect(await migrateUp(knex)).toEqual(pending);
    const full = await schema();
    expect(await migrationStatus(knex)).toEqual({ applied: pending, pending: [] });
    expect(await migrateDown(knex, 'all')).toEqual(pending.toReversed());
    expect((await schema()).map((one) => Object.values(one)[0])).toEqual([
      'schema_migrations',
      'schema_migrations_lock',
    ]);
    expect(await migrationStatus(knex)).toEqual({ applied: [], pending });
    await migrateUp(knex);
    expect(await schema()).toEqual(full);
  });

  it('go down one at a time, the newest first', async () => {
    const all = await migrateUp(knex);
    expect(await migrateDown(knex, 1)).toEqual([all.at(-1)]);
    expect((await migrationStatus(knex)).pending).toEqual([all.at(-1)]);
  });

  it('keep the dead letters when their key gets the source, and take back only what it told apart', async () => {
    await migrateUp(knex);
    const { applied } = await migrationStatus(knex);
    const newest = applied.length - applied.indexOf('0008_dead_letters_by_source');
    await migrateDown(knex, newest);
    const letter = {
      tenant: 'default',
      queue: 'q',
      reason: 'refused',
      attempts: 1,
      type: 't',
      first_seen: 1,
    };
    const insert = (id: string, source: string) =>
      knex('dead_letters').insert({ ...letter, id, message_id: 'm', source, last_seen: 2, message: '{}' });
    const ids = () => knex('dead_letters').orderBy('id').pluck('id');
    await insert('a', '/one');
    await expect(insert('b', '/two')).rejects.toThrow('UNIQUE');
    await migrateUp(knex);
    await insert('b', '/two');
    await expect(insert('c', '/two')).rejects.toThrow('UNIQUE');
    expect(await ids()).toEqual(['a', 'b']);
    await migrateDown(knex, newest);
    expect(await ids()).toEqual(['a']);
  });

  it('mark the dead letters that are too large to be sent back', async () => {
    await migrateUp(knex);
    const { applied } = await migrationStatus(knex);
    await migrateDown(knex, applied.length - applied.indexOf('0009_unredrivable_letters'));
    const letter = {
      tenant: 'default',
      queue: 'q',
      reason: 'rejected',
      attempts: 1,
      type: 't',
      first_seen: 1,
    };
    const limit = 16 * 1_048_576;
    for (const [id, payload] of [
      ['fits', 'é'.repeat(limit / 2)],
      ['fits, quoted', '"'.repeat(limit)],
      ['small', '{}'],
      ['too large', `${'é'.repeat(limit / 2)}e`],
    ]) {
      const message = JSON.stringify({ payload });
      await knex('dead_letters').insert({ ...letter, id, message_id: id, source: '', last_seen: 2, message });
    }
    await migrateUp(knex);
    expect(await knex('dead_letters').where({ redrivable: false }).pluck('id')).toEqual(['too large']);
  });

  it('count jobs that ended before anybody noted when from their question', async () => {
    await migrateUp(knex);
    const { applied } = await migrationStatus(knex);
    const newest = applied.length - applied.indexOf('0010_ended_jobs');
    await migrateDown(knex, newest);
    const job = { tenant: 'default', created_at: 7, created_by: 'ann' };
    const redrive = { ...job, selection: '{}', total: 1, done: 1 };
    const positions = { from_position: 0, until_position: 1, position: 1, underway: 1 };
    const replay = { ...job, ...positions, queue: 'q', sent: 1, next_step_at: 0 };
    for (const [id, state] of [
      ['a', 'done'],
      ['b', 'cancelled'],
      ['c', 'running'],
    ] as const) {
      await knex('redrive_jobs').insert({ ...redrive, id, state });
      await knex('replay_jobs').insert({ ...replay, id, state });
    }
    await migrateUp(knex);
    for (const table of ['redrive_jobs', 'replay_jobs'])
      expect(await knex(table).orderBy('id').pluck('ended_at')).toEqual([7, 7, null]);
  });

  it('have nothing to do the second time', async () => {
    await migrateUp(knex);
    expect(await migrateUp(knex)).toEqual([]);
  });

  it('are applied once by processes that make a database at the same time', async () => {
    for (let round = 0; round < 15; round += 1) {
      file = join(directory, `made-together-${round}.db`);
      const makers = [connect(), connect(), connect()];
      try {
        const done = await Promise.all(makers.map((maker) => migrateUp(maker)));
        expect(done.map((names) => names.length > 0).sort()).toEqual([false, false, true]);
      } finally {
        for (const maker of makers) await maker.destroy();
      }
    }
  });

  it('that fail half-way leave nothing behind, no lock either', async () => {
    await knex.raw('create table order_views (in_the_way text)');
    await expect(migrateUp(knex)).rejects.toThrow('order_views');
    expect((await schema()).map((one) => Object.values(one)[0])).toEqual(['order_views']);
    await knex.raw('drop table order_views');
    expect(await migrateUp(knex)).not.toEqual([]);
  });

  it('that this program does not know make it refuse the database, by name', async () => {
    await migrateUp(knex);
    await knex('schema_migrations').insert({ name: '9999_from_the_future', batch: 2 });
    for (const attempt of [
      () => open('up'),
      () => open('check'),
      () => migrateUp(knex),
      () => migrateDown(knex, 1),
    ]) {
      const failure = await attempt().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(failure).toBeInstanceOf(DatabaseTooNew);
      expect(String(failure)).toContain('9999_from_the_future');
    }
  });

  it('that are missing are named when nobody may apply them', async () => {
    await expect(open('check')).rejects.toThrow(MigrationsPending);
    await expect(open('check')).rejects.toThrow('orderflow migrate up');
    await (await open('up')).close();
    await (await open('check')).close();
  });
});
