import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, contexts } from '../../../src/app/config.ts';
import {
  type ServerProcess,
  startServer,
  startWorker,
  type WorkerProcess,
} from '../../support/serverProcess.ts';
import { rolesOf } from '../../support/shopRoles.ts';

/** The whole shop as it runs in earnest: a process for each context, with a database of its own. */
export interface ShopProcesses {
  /** The database of each context. */
  readonly files: Readonly<Record<Context, string>>;
  /** Of the process that serves HTTP; resolves once it listens. */
  url(): Promise<string>;
  /** Resolves when all processes are up; rejects when one does not start. */
  up(): Promise<void>;
  /** Kills a process once it is up, and starts it again after a while. Resolves when it is dead. */
  kill(context: Context, downMs: number): Promise<void>;
  /** What all processes have said, the dead ones too. */
  output(): string;
  /** Ends all processes in an orderly way, and returns their exit codes. */
  stop(): Promise<readonly (number | null)[]>;
  close(): Promise<void>;
}

type Starting = Promise<ServerProcess | WorkerProcess>;

export const startShop = (
  directory: string,
  settings: Readonly<Record<string, string>>,
  onOrdersGone: (url: Promise<string>) => void,
): ShopProcesses => {
  const files = Object.fromEntries(
    contexts.map((context) => [context, join(directory, `${context}.db`)]),
  ) as Record<Context, string>;
  const env = {
    ...settings,
    DATABASE_URL: `sqlite:${files.orders}`,
    INVENTORY_DATABASE_URL: `sqlite:${files.inventory}`,
    LOYALTY_DATABASE_URL: `sqlite:${files.loyalty}`,
    NOTIFICATIONS_DATABASE_URL: `sqlite:${files.notifications}`,
  };
  const processes = new Map<Context, Starting>();
  const started: WorkerProcess[] = [];
  let closed = false;

  const start = (context: Context, downMs = 0): void => {
    const start = context === 'orders' ? startServer : startWorker;
    const starting = sleep(downMs).then(async () => {
      if (closed) throw new Error('the shop is closed');
      const process = await start({ ...env, ROLES: rolesOf[context] });
      started.push(process);
      if (closed) await process.kill();
      return process;
    });
    starting.catch(() => undefined); // who waits for it hears of it
    processes.set(context, starting);
  };
  const url = async (): Promise<string> => {
    const server = await processes.get('orders');
    return (server as ServerProcess).url;
  };
  for (const context of contexts) start(context);

  return {
    files,
    url,
    up: async () => {
      await Promise.all(processes.values());
    },
    kill: async (context, downMs) => {
      const process = await processes.get(context);
      await process?.kill();
      start(context, downMs);
      if (context === 'orders') onOrdersGone(url());
    },
    output: () => started.map((process) => process.output()).join(''),
    stop: async () => Promise.all([...processes.values()].map(async (process) => (await process).stop())),
    close: async () => {
      closed = true;
      for (const process of processes.values())
        await process.then(
          (living) => living.kill(),
          () => undefined,
        );
    },
  };
};
