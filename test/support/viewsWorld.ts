import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import createKnex from 'knex';
import type { Pause } from '../../src/adapters/memory/MemoryTransaction.ts';
import { createMemoryState, orderKeyText } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { runOf } from '../../src/adapters/sql/orderViewRows.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import type { OrderViewRow } from '../../src/ports/orderViews.ts';
import type { Stores } from '../../src/ports/stores.ts';
import type { Transaction } from '../../src/ports/unitOfWork.ts';

/** A database whose view rows a test can see, and damage behind everybody's back. */
export interface ViewsDatabase {
  /** Opens it as one more process. `pause` comes before each of its steps; when it rejects, nothing is committed. */
  open(pause: Pause): Promise<Stores>;
  rows(): Promise<readonly OrderViewRow[]>;
  setRows(rows: readonly OrderViewRow[]): Promise<void>;
  remove(): Promise<void>;
}

export const memoryDatabase = async (): Promise<ViewsDatabase> => {
  const state = createMemoryState();
  return {
    open: async (pause) => openMemoryStores({ state, pause }),
    rows: async () => [...state.orderViews.values()],
    setRows: async (rows) => {
      state.orderViews.clear();
      for (const row of rows) state.orderViews.set(orderKeyText(row.tenant, row.orderId), row);
    },
    remove: async () => undefined,
  };
};

const columns: readonly (readonly [column: string, member: keyof OrderViewRow])[] = [
  ['tenant', 'tenant'],
  ['order_id', 'orderId'],
  ['version', 'version'],
  ['first_position', 'firstPosition'],
  ['customer_id', 'customerId'],
  ['status', 'status'],
  ['client_reference', 'clientReference'],
  ['placed_at', 'placedAt'],
  ['document', 'document'],
];

export const sqliteDatabase = async (): Promise<ViewsDatabase> => {
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-views-'));
  const file = join(directory, 'orderflow.db');
  const openFile = () => openSqliteStores({ file, migrate: 'up', clock: systemClock, logger: silentLogger });
  await (await openFile()).close();
  // The program's own driver: two builds of SQLite in one process undo each other's locks on a file
  // (https://sqlite.org/howtocorrupt.html, 2.2.1).
  const tool = createKnex({ client: 'sqlite3', connection: { filename: file }, useNullAsDefault: true });
  return {
    open: async (pause) => pausing(await openFile(), pause),
    rows: () =>
      tool('order_views').select(Object.fromEntries(columns.map(([column, member]) => [member, column]))),
    setRows: async (rows) => {
      await tool('order_views').delete();
      for (const row of rows) {
        const values = Object.fromEntries(columns.map(([column, member]) => [column, row[member]]));
        await tool('order_views').insert({ ...values, run: runOf(row.firstPosition) });
      }
    },
    remove: async () => {
      await tool.destroy();
      await rm(directory, { recursive: true, force: true });
    },
  };
};

/** Stores that pause before every step of a transaction, before its commit, and after it. */
const pausing = (stores: Stores, pause: Pause): Stores => ({
  ...stores,
  unitOfWork: {
    close: () => stores.unitOfWork.close(),
    transact: async (work) => {
      await pause('transaction.begin');
      const result = await stores.unitOfWork.transact(async (tx) => {
        const done = await work(pausingTransaction(tx, pause));
        await pause('transaction.commit');
        return done;
      });
      await pause('transaction.committed');
      return result;
    },
  },
});

const pausingTransaction = (tx: Transaction, pause: Pause): Transaction => ({
  ...tx,
  events: {
    readStreams: after(pause, 'readStreams', tx.events.readStreams),
    append: after(pause, 'append', tx.events.append),
  },
  outbox: { ...tx.outbox, add: after(pause, 'add', tx.outbox.add) },
  orderViews: {
    save: after(pause, 'save', tx.orderViews.save),
    replaceRange: after(pause, 'replaceRange', tx.orderViews.replaceRange),
    deleteOrphans: after(pause, 'deleteOrphans', tx.orderViews.deleteOrphans),
  },
});

const after =
  <Args extends unknown[], Result>(pause: Pause, label: string, step: (...args: Args) => Promise<Result>) =>
  async (...args: Args): Promise<Result> => {
    await pause(label);
    return step(...args);
  };
