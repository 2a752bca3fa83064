import createKnex, { type Knex } from 'knex';
import { type Context, contexts } from '../../../src/app/config.ts';
import { consumers, deadQueueOf, followed, workQueueOf } from '../../../src/app/messaging/topology.ts';
import type { RabbitmqAdmin } from '../../support/rabbitmq.ts';

/** Looks at the databases and the broker of a shop that runs, without its help. */
export interface ShopLedger {
  /** What is still on its way, and where, a sentence each; what was handled is counted from both ends. */
  left(): Promise<readonly string[]>;
  /** Messages in each queue that has some. */
  inQueues(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export const openShopLedger = (
  files: Readonly<Record<Context, string>>,
  { channel }: RabbitmqAdmin,
  prefix: string,
): ShopLedger => {
  const databases = new Map(contexts.map((context) => [context, openToRead(files[context])]));
  const count = async (context: Context, sql: string, ...values: readonly string[]): Promise<number> => {
    const rows = (await databases.get(context)?.raw(sql, [...values])) as { n: number | null }[];
    return rows[0]?.n ?? 0;
  };

  const inDatabase = async (context: Context): Promise<readonly string[]> => {
    const counts = {
      'unpublished messages': await count(
        context,
        'select count(*) n from outbox where published_at is null',
      ),
      'messages that wait': await count(context, 'select count(*) n from inbox_waiting'),
      'dead letters': await count(context, 'select count(*) n from dead_letters'),
      'orders that are not decided': await count(
        context,
        `select count(*) n from order_views where status = 'pending' or document like '%"refund_pending"%'`,
      ),
    };
    return Object.entries(counts)
      .filter(([, number]) => number > 0)
      .map(([what, number]) => `${context}: ${number} ${what}`);
  };

  /** A message may be in hand: in no queue, and without effect so far. */
  const inHands = async (consumer: Context): Promise<readonly string[]> => {
    const publisher = consumer === 'orders' ? 'inventory' : 'orders';
    const keys = followed[consumer].replace('#', '%');
    const queue = workQueueOf(prefix, consumer);
    const [events, handled, tasks, done] = [
      await count(
        publisher,
        "select count(*) n from outbox where exchange = 'events' and routing_key like ?",
        keys,
      ),
      await count(consumer, 'select sum(sequence) n from inbox_gates where consumer = ?', consumer),
      await count(
        consumer,
        "select count(*) n from outbox where exchange = 'tasks' and routing_key = ?",
        queue,
      ),
      await count(consumer, 'select count(*) n from inbox_seen where consumer = ?', consumer),
    ];
    return [
      ...(events === handled ? [] : [`${consumer}: ${handled} of ${events} events were handled`]),
      ...(tasks === done ? [] : [`${consumer}: ${done} of ${tasks} tasks were done`]),
    ];
  };

  const inQueues = async (): Promise<readonly string[]> => {
    const names = consumers.map((consumer) => workQueueOf(prefix, consumer));
    const left: string[] = [];
    for (const name of [...names, ...names.map(deadQueueOf)]) {
      const { messageCount } = await channel.checkQueue(name);
      if (messageCount > 0) left.push(`${name}: ${messageCount} messages`);
    }
    return left;
  };

  return {
    left: async () => {
      const left: string[] = [];
      for (const context of contexts) left.push(...(await inDatabase(context)), ...(await inHands(context)));
      return [...left, ...(await inQueues())];
    },
    inQueues,
    close: async () => {
      for (const database of databases.values()) await database.destroy();
    },
  };
};

const openToRead = (filename: string): Knex =>
  createKnex({
    client: 'better-sqlite3',
    connection: { filename, options: { readonly: true } },
    useNullAsDefault: true,
  });
