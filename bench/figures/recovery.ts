import { connect as dial } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import {
  type RabbitNode,
  rabbitHome,
  startRabbitNode,
  whyNoOwnRabbit,
} from '../../test/support/rabbitNode.ts';
import type { Figure, Round } from '../figure.ts';
import { orderBody } from '../support/orderBodies.ts';
import { programs, startServer } from '../support/program.ts';
import { openRabbitmq, watchQueue } from '../support/rabbitmq.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';

/** Long enough for every wait between two attempts to have grown as far as it can. */
const awaySeconds = 20;
const confirmTimeoutMs = 30_000;

/**
 * How soon the service publishes again once the broker accepts connections, at default settings: killed and stopped in
 * turn, on a node of the benchmark's own. Beside it bare amqplib, which tries all the time: what the broker itself takes.
 */
export const recovery: Figure = {
  name: 'recovery',
  needsRabbitmq: false,
  missing: whyNoOwnRabbit,
  measure: async ({ quick, rounds: count, say }) => {
    const home = await rabbitHome();
    const directory = scratchDirectory();
    const rounds: Round[] = [];
    try {
      const node = await startRabbitNode(home);
      const admin = await openRabbitmq(node.url, '');
      await admin.declareWatch('order.#');
      const env = { DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`, BROKER_URL: node.url };
      const server = await startServer(programs.orderflow, { ...env, ROLES: 'api,relay' });
      try {
        await placeConfirmed(server.url);
        for (let round = 1; round <= count; round += 1) {
          const how = round % 2 === 1 ? 'killed' : 'stopped';
          await (how === 'killed' ? node.kill() : node.stop());
          await sleep((quick ? 0.25 : 1) * awaySeconds * 1000);
          const measured = await comeBack(node, server.url);
          say(`${how}: ${measured.recoveryMs.toFixed(0)} ms, bare amqplib ${measured.rawMs.toFixed(0)} ms`);
          rounds.push({ value: measured.recoveryMs, measured });
        }
      } finally {
        await server.stop();
      }
    } finally {
      await home.close();
      removeScratch(directory);
    }
    return [
      {
        title: 'recovery: broker accepts connections → first confirmed message',
        unit: 'ms',
        must: { atMost: 2_000 },
        rounds,
      },
    ];
  },
};

const comeBack = async (node: RabbitNode, url: string) => {
  const starting = node.start();
  await accepting(node.port);
  const since = performance.now();
  const elapsed = (): number => performance.now() - since;
  const [recoveryMs, rawMs] = await Promise.all([
    placeConfirmed(url).then(elapsed),
    publishRaw(node.url).then(elapsed),
    starting,
  ]);
  return { recoveryMs, rawMs };
};

const accepting = async (port: number): Promise<void> => {
  for (;;) {
    const accepted = await new Promise<boolean>((resolve) => {
      const socket = dial(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (accepted) return;
    await sleep(5);
  }
};

/** Places an order, and resolves when the broker has confirmed its message. */
const placeConfirmed = async (url: string): Promise<void> => {
  const answer = await fetch(`${url}/v1/orders`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
      prefer: `wait=${confirmTimeoutMs / 1000}`,
    },
    body: orderBody(),
  });
  if (answer.status !== 201 || answer.headers.get('preference-applied') !== 'wait')
    throw new Error(`no confirm within ${confirmTimeoutMs} ms (${answer.status} ${await answer.text()})`);
};

const publishRaw = async (url: string): Promise<void> => {
  const until = performance.now() + confirmTimeoutMs;
  for (;;) {
    try {
      const connection = await connect(url, { noDelay: true, timeout: 5_000 });
      connection.on('error', () => undefined);
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => undefined);
      channel.sendToQueue(watchQueue(''), Buffer.from(orderBody()), { persistent: true });
      await channel.waitForConfirms();
      await connection.close();
      return;
    } catch (error) {
      if (performance.now() > until) throw error;
    }
  }
};
