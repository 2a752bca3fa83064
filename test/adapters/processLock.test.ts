import { link, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseInUse, lockDatabaseFile } from '../../src/adapters/sql/processLock.ts';

describe('the process lock of a SQLite file', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'orderflow-lock-'));
  });
  afterEach(() => rm(directory, { recursive: true }));
  const file = () => join(directory, 'orders.db');

  it('lets any number of processes share the file', async () => {
    const locks = [await lockDatabaseFile(file(), 'shared'), await lockDatabaseFile(file(), 'shared')];
    for (const lock of locks) await lock.release();
  });

  it('refuses a second process beside an exclusive one, whatever it asks for', async () => {
    const lock = await lockDatabaseFile(file(), 'exclusive');
    await expect(lockDatabaseFile(file(), 'exclusive')).rejects.toThrow(DatabaseInUse);
    await expect(lockDatabaseFile(file(), 'shared')).rejects.toThrow(DatabaseInUse);
    await lock.release();
  });

  it('refuses an exclusive process beside one that shares', async () => {
    const lock = await lockDatabaseFile(file(), 'shared');
    await expect(lockDatabaseFile(file(), 'exclusive')).rejects.toThrow(DatabaseInUse);
    await lock.release();
  });

  it('knows the file by any of its names', async () => {
    await writeFile(file(), '');
    const other = join(directory, 'other.db');
    await symlink(file(), other);
    const lock = await lockDatabaseFile(file(), 'exclusive');
    await expect(lockDatabaseFile(other, 'exclusive')).rejects.toThrow(DatabaseInUse);
    await lock.release();
  });

  it('refuses a file with hard links', async () => {
    await writeFile(file(), '');
    await link(file(), join(directory, 'other.db'));
    await expect(lockDatabaseFile(file(), 'shared')).rejects.toThrow('more than one name');
  });

  it('is free again once it was released', async () => {
    await (await lockDatabaseFile(file(), 'exclusive')).release();
    await (await lockDatabaseFile(file(), 'exclusive')).release();
  });
});
