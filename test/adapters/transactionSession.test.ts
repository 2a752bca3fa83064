import { describe, expect, it } from 'vitest';
import { TransactionSession } from '../../src/adapters/sql/TransactionSession.ts';

/** A connection whose statements end when they are told to. */
const openConnection = () => {
  const started: string[] = [];
  const endings = new Map<string, { resolve(rows: readonly object[]): void; reject(reason: Error): void }>();
  const query = <Row extends object>(sql: string): Promise<readonly Row[]> => {
    started.push(sql);
    const { promise, resolve, reject } = Promise.withResolvers<readonly object[]>();
    endings.set(sql, { resolve, reject });
    return promise as Promise<readonly Row[]>;
  };
  return { started, session: new TransactionSession({ query }), end: (sql: string) => endings.get(sql) };
};

/** Whatever can go on without a statement's end has gone on by then. */
const idle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a transaction', () => {
  it('lets every query see what was sent before it, also of several at once', async () => {
    const { session, started, end } = openConnection();
    session.send('insert', []);
    session.send('insert more', []);
    const queries = Promise.all([session.query('one'), session.query('two')]);
    await idle();
    expect(started).toEqual(['insert', 'insert more']);
    end('insert')?.resolve([]);
    await idle();
    expect(started).toHaveLength(2);
    end('insert more')?.resolve([]);
    await idle();
    expect(started).toEqual(['insert', 'insert more', 'one', 'two']);
    end('one')?.resolve([{ a: 1 }]);
    end('two')?.resolve([]);
    expect(await queries).toEqual([[{ a: 1 }], []]);
  });

  it('ends when everything that was sent has ended, and fails with what the database refused', async () => {
    const { session, end } = openConnection();
    session.send('insert', []);
    let ended = false;
    const ending = session.end().finally(() => {
      ended = true;
    });
    ending.catch(() => undefined);
    await idle();
    expect(ended).toBe(false);
    end('insert')?.reject(new Error('refused'));
    await expect(ending).rejects.toThrow('refused');
    await expect(session.query('late')).rejects.toThrow('over');
    expect(() => session.send('late', [])).toThrow('over');
  });
});
