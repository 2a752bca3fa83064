import { describe, expect, it } from 'vitest';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline, type WritePipelineOptions } from '../../src/app/commands/WritePipeline.ts';
import type { Session, Work } from '../../src/app/commands/work.ts';
import { orderModel, orderStream } from '../../src/app/orders/orderModel.ts';
import type { OrderCommand } from '../../src/domain/orders/orderCommands.ts';
import { Overloaded } from '../../src/ports/commands.ts';
import {
  CommitUnknown,
  StoreUnavailable,
  type Transaction,
  TransactionConflict,
  type UnitOfWork,
} from '../../src/ports/unitOfWork.ts';
import { placeOrder } from '../support/orders.ts';

const at = '2026-01-01T00:00:00.000Z';
const cause = { tenant: 'default', correlationId: 'c', causationId: 'c', traceparent: null };

/** Work that sends one command to one order and answers what came of it. */
const command = (
  id: string,
  orderCommand: OrderCommand,
  repeat?: { key: string; fingerprint?: string; remember?: (outcome: string) => string | null },
): Work<string> => ({
  cause,
  streams: [orderStream(id)],
  run: (session: Session) => {
    const decision = session.execute(orderModel, id, orderCommand);
    return decision.ok ? decision.events.map(({ type }) => type).join() : decision.error.code;
  },
  ...(repeat === undefined
    ? {}
    : {
        repeatable: {
          caller: 'test',
          key: repeat.key,
          fingerprint: repeat.fingerprint ?? 'same',
          remember: repeat.remember ?? ((outcome) => `answer: ${outcome}`),
        },
      }),
});

const cancel = (note: string): OrderCommand => ({
  type: 'CancelOrder',
  at,
  note,
  refundId: `refund-${note}`,
});

/** Work on the order that another one's metadata names. */
const following = (id: string): Work<string> => ({
  cause,
  streams: [orderStream(id)],
  furtherStreams: (session) => {
    const order = session.load(orderModel, id).state;
    if (order === null) throw new Error('there is nothing to follow');
    return [orderStream(order.metadata.next ?? '')];
  },
  run: (session) => {
    const next = session.load(orderModel, id).state?.metadata.next ?? '';
    return session.execute(orderModel, next, cancel('followed')).ok ? 'cancelled' : 'refused';
  },
});

const failing = (message: string): Work<string> => ({
  cause,
  streams: [],
  run: () => {
    throw new Error(message);
  },
});

const pipelineDefaults: Omit<WritePipelineOptions, 'unitOfWork'> = {
  clock: systemClock,
  ids: uuidV7Ids,
  logger: silentLogger,
  capacity: 1000,
  maxBatch: 100,
  onCommitted: () => {},
};

const setUp = (options: Partial<WritePipelineOptions> = {}) => {
  const stores = openMemoryStores();
  const pipeline = new WritePipeline({
    unitOfWork: stores.unitOfWork,
    ...pipelineDefaults,
    ...options,
  });
  const history = async (id: string) =>
    (await stores.events.readStream({ tenant: 'default', stream: orderStream(id) })).map(({ type }) => type);
  return { stores, pipeline, history };
};

/** A unit of work in front of another one that fails when told to. */
const faulty = (
  inner: UnitOfWork,
  fault: (attempt: number) => 'before' | 'after' | undefined,
  error: Error,
) => {
  let attempts = 0;
  const unitOfWork: UnitOfWork = {
    transact: async <T>(work: (tx: Transaction) => Promise<T>) => {
      attempts += 1;
      const when = fault(attempts);
      if (when === 'before') throw error;
      const done = await inner.transact(work);
      if (when === 'after') throw error;
      return done;
    },
    close: () => inner.close(),
  };
  return { unitOfWork, attempts: () => attempts };
};

const done = (outcome: string) => expect.objectContaining({ kind: 'done', outcome });

describe('the write pipeline', () => {
  it('commits everything that is waiting in one transaction', async () => {
    const { stores, history } = setUp();
    const counting = faulty(stores.unitOfWork, () => undefined, new Error());
    const { pipeline } = setUp({ unitOfWork: counting.unitOfWork });
    const ids = Array.from({ length: 50 }, (_, index) => `o-${index}`);
    await Promise.all(ids.map((id) => pipeline.submit(command(id, placeOrder()))));
    expect(counting.attempts()).toBe(1);
    for (const id of ids) expect(await history(id)).toEqual(['OrderPlaced']);
  });

  it('takes at most maxBatch items into one transaction, in arrival order', async () => {
    const { stores } = setUp();
    const counting = faulty(stores.unitOfWork, () => undefined, new Error());
    const { pipeline } = setUp({ unitOfWork: counting.unitOfWork, maxBatch: 10 });
    await Promise.all(
      Array.from({ length: 25 }, (_, index) => pipeline.submit(command(`o-${index}`, placeOrder()))),
    );
    expect(counting.attempts()).toBe(3);
    const all = await stores.events.readAll(0, 100);
    expect(all.map(({ stream }) => stream)).toEqual(
      Array.from({ length: 25 }, (_, index) => orderStream(`o-${index}`)),
    );
  });

  it('lets each item see what those before it in the batch decided', async () => {
    const { pipeline, history } = setUp();
    const results = await Promise.all([
      pipeline.submit(command('o-1', placeOrder())),
      pipeline.submit(command('o-1', cancel('first'))),
      pipeline.submit(command('o-1', cancel('second'))),
    ]);
    expect(results).toEqual([done('OrderPlaced'), done('OrderCancelled'), done('order_state_conflict')]);
    expect(await history('o-1')).toEqual(['OrderPlaced', 'OrderCancelled']);
  });

  it('fails an item that throws, and nobody else', async () => {
    const { pipeline, history } = setUp();
    const results = await Promise.allSettled([
      pipeline.submit(command('o-1', placeOrder())),
      pipeline.submit(failing('a bug')),
      pipeline.submit(command('o-2', placeOrder())),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await history('o-1')).toEqual(['OrderPlaced']);
    expect(await history('o-2')).toEqual(['OrderPlaced']);
  });

  it('forgets everything that a failing item had staged, also when only its answer failed', async () => {
    const { pipeline, history, stores } = setUp();
    const bad = command('o-1', placeOrder(), {
      key: 'k',
      remember: () => {
        throw new Error('cannot be rendered');
      },
    });
    const results = await Promise.allSettled([
      pipeline.submit(bad),
      pipeline.submit(command('o-2', placeOrder())),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(await history('o-1')).toEqual([]);
    expect((await stores.outbox.stats(Date.now())).pending).toBe(1);
  });

  it('refuses work beyond its capacity, and does what it took', async () => {
    const { pipeline, history } = setUp({ capacity: 2 });
    const results = await Promise.allSettled(
      ['o-1', 'o-2', 'o-3'].map((id) => pipeline.submit(command(id, placeOrder()))),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(results[2]).toMatchObject({ reason: expect.any(Overloaded) });
    expect(await history('o-3')).toEqual([]);
  });

  it('refuses work that would take too much memory while it waits', async () => {
    const { pipeline } = setUp({ capacityBytes: 100 });
    const sized = (id: string, bytes: number) => pipeline.submit({ ...command(id, placeOrder()), bytes });
    const results = await Promise.allSettled([sized('o-1', 60), sized('o-2', 60), sized('o-3', 40)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await sized('o-4', 1_000)).kind).toBe('done');
  });

  it('refuses work once it is stopped, after finishing what was waiting', async () => {
    const { pipeline, history } = setUp();
    const waiting = pipeline.submit(command('o-1', placeOrder()));
    await pipeline.stop();
    expect(await waiting).toEqual(done('OrderPlaced'));
    expect(await history('o-1')).toEqual(['OrderPlaced']);
    await expect(pipeline.submit(command('o-2', placeOrder()))).rejects.toThrow(Overloaded);
  });

  it('refuses work that loads a stream it did not name', async () => {
    const { pipeline } = setUp();
    const work = { ...command('o-1', placeOrder()), streams: [] };
    await expect(pipeline.submit(work)).rejects.toThrow('did not name orders/o-1');
  });

  it('reads what only the stored streams can name, and what work before it in the batch has named', async () => {
    const { pipeline, history } = setUp();
    await pipeline.submit(command('o-1', placeOrder({ metadata: { next: 'o-2' } })));
    const results = await Promise.all([
      pipeline.submit(command('o-2', placeOrder())),
      pipeline.submit(following('o-1')),
      pipeline.submit({
        ...command('o-3', placeOrder({ metadata: { next: 'o-4' } })),
        streams: ['orders/o-3', 'orders/o-4'],
      }),
      pipeline.submit(command('o-4', placeOrder())),
      pipeline.submit(following('o-3')),
    ]);
    expect(results.map((result) => result.kind === 'done' && result.outcome)).toEqual([
      'OrderPlaced',
      'cancelled',
      'OrderPlaced',
      'OrderPlaced',
      'cancelled',
    ]);
    expect(await history('o-2')).toEqual(['OrderPlaced', 'OrderCancelled']);
    expect(await history('o-4')).toEqual(['OrderPlaced', 'OrderCancelled']);
  });

  it('announces commits that wrote messages, and no others; a failing listener harms nobody', async () => {
    let announced = 0;
    const { pipeline } = setUp({
      onCommitted: () => {
        announced += 1;
        throw new Error('listener');
      },
    });
    await pipeline.submit(command('o-1', placeOrder()));
    await pipeline.submit(command('o-1', cancel('a')));
    await pipeline.submit(command('o-1', cancel('b')));
    expect(announced).toBe(2);
  });
});

describe('a repeated key', () => {
  it('replays the first answer, in the same batch and in a later one', async () => {
    const { pipeline, history } = setUp();
    const copy = () => pipeline.submit(command('o-1', placeOrder(), { key: 'k' }));
    const results = await Promise.all([copy(), copy(), copy()]);
    const replayed = {
      kind: 'replayed',
      answer: 'answer: OrderPlaced',
      wrote: { stream: 'orders/o-1', sequence: 1 },
    };
    expect(results).toEqual([done('OrderPlaced'), replayed, replayed]);
    expect(await copy()).toEqual(replayed);
    expect(await history('o-1')).toEqual(['OrderPlaced']);
  });

  it('is refused for another request', async () => {
    const { pipeline, history } = setUp();
    const first = pipeline.submit(command('o-1', placeOrder(), { key: 'k', fingerprint: 'one' }));
    const second = pipeline.submit(command('o-2', placeOrder(), { key: 'k', fingerprint: 'two' }));
    expect(await first).toEqual(done('OrderPlaced'));
    expect(await second).toEqual({ kind: 'key_reused' });
    expect(await history('o-2')).toEqual([]);
  });

  it('of another caller or tenant is another key', async () => {
    const { pipeline, history } = setUp();
    const work = command('o-1', placeOrder(), { key: 'k' });
    await pipeline.submit(work);
    const elsewhere = { ...command('o-2', placeOrder(), { key: 'k' }), cause: { ...cause, tenant: 'other' } };
    expect(await pipeline.submit(elsewhere)).toEqual(done('OrderPlaced'));
    expect(await history('o-2')).toEqual([]);
  });

  it('runs the next copy when the first outcome is not to be remembered', async () => {
    const { pipeline } = setUp();
    const work = (id: string) => command(id, cancel('x'), { key: 'k', remember: () => null });
    const results = await Promise.all([pipeline.submit(work('none')), pipeline.submit(work('none'))]);
    expect(results).toEqual([done('not_found'), done('not_found')]);
  });

  it('replays the first answer after a commit whose outcome was unknown', async () => {
    const { stores } = setUp();
    const unknown = faulty(
      stores.unitOfWork,
      (n) => (n === 1 ? 'after' : undefined),
      new CommitUnknown('gone'),
    );
    const { pipeline } = setUp({ unitOfWork: unknown.unitOfWork });
    const copy = () => pipeline.submit(command('o-1', placeOrder(), { key: 'k' }));
    await expect(copy()).rejects.toThrow(StoreUnavailable);
    expect(await copy()).toMatchObject({ kind: 'replayed', answer: 'answer: OrderPlaced' });
  });
});

describe('when the store does not take a batch', () => {
  it('runs it again on fresh reads after a conflict', async () => {
    const { stores, history } = setUp();
    const other = new WritePipeline({ ...pipelineDefaults, unitOfWork: stores.unitOfWork });
    await other.submit(command('o-1', placeOrder()));
    // Another process cancels the order between this batch's reads and its commit.
    let interfered = false;
    const interfering: UnitOfWork = {
      transact: (work) =>
        stores.unitOfWork.transact(async (tx) => {
          const result = await work(tx);
          if (!interfered) {
            interfered = true;
            await other.submit(command('o-1', cancel('faster')));
          }
          return result;
        }),
      close: async () => {},
    };
    const pipeline = new WritePipeline({ ...pipelineDefaults, unitOfWork: interfering });
    expect(await pipeline.submit(command('o-1', cancel('slower')))).toEqual(done('order_state_conflict'));
    expect(await history('o-1')).toEqual(['OrderPlaced', 'OrderCancelled']);
  });

  it('runs its items one by one when it keeps failing, so that only the bad one fails', async () => {
    const { stores, history } = setUp();
    const poisoned: UnitOfWork = {
      transact: (work) =>
        stores.unitOfWork.transact((tx) =>
          work({
            ...tx,
            outbox: {
              ...tx.outbox,
              add: async (messages) => {
                if (messages.some(({ source }) => source.endsWith('/poison')))
                  throw new Error('will not be stored');
                await tx.outbox.add(messages);
              },
            },
          }),
        ),
      close: async () => {},
    };
    const pipeline = new WritePipeline({ ...pipelineDefaults, unitOfWork: poisoned });
    const results = await Promise.allSettled(
      ['o-1', 'poison', 'o-2'].map((id) => pipeline.submit(command(id, placeOrder()))),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: new Error('will not be stored') });
    expect([await history('o-1'), await history('poison'), await history('o-2')]).toEqual([
      ['OrderPlaced'],
      [],
      ['OrderPlaced'],
    ]);
  });

  it('gives a batch up as unavailable after conflicts without end, instead of trying for ever', async () => {
    const { stores } = setUp();
    const conflicting = faulty(stores.unitOfWork, () => 'before', new TransactionConflict());
    const { pipeline } = setUp({ unitOfWork: conflicting.unitOfWork });
    await expect(pipeline.submit(command('o-1', placeOrder()))).rejects.toThrow(StoreUnavailable);
  });

  it('fails everybody in the batch as unavailable when the database is away, and goes on when it is back', async () => {
    const { stores } = setUp();
    const away = faulty(
      stores.unitOfWork,
      (n) => (n === 1 ? 'before' : undefined),
      new StoreUnavailable('away'),
    );
    const { pipeline } = setUp({ unitOfWork: away.unitOfWork });
    const results = await Promise.allSettled([
      pipeline.submit(command('o-1', placeOrder())),
      pipeline.submit(command('o-2', placeOrder())),
    ]);
    expect(results.map((result) => 'reason' in result && result.reason)).toEqual([
      new StoreUnavailable('away'),
      new StoreUnavailable('away'),
    ]);
    expect(away.attempts()).toBe(1);
    expect(await pipeline.submit(command('o-1', placeOrder()))).toEqual(done('OrderPlaced'));
  });
});
