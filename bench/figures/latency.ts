import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import type { Figure, Round } from '../figure.ts';
import { orderBody } from '../support/orderBodies.ts';
import { programs, startServer } from '../support/program.ts';
import { openRabbitmq, watchQueue } from '../support/rabbitmq.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';

const routingKey = 'order.#';
const pauseMs = 5;

/** When each message came into the hands of the consumer, by what names it. */
class Arrivals {
  private readonly waiting = new Map<string, (at: number) => void>();
  private readonly arrived = new Map<string, number>();

  note(name: string): void {
    const at = performance.now();
    const waiter = this.waiting.get(name);
    if (waiter === undefined) this.arrived.set(name, at);
    else waiter(at);
    this.waiting.delete(name);
  }

  of(name: string): Promise<number> {
    const at = this.arrived.get(name);
    this.arrived.delete(name);
    if (at !== undefined) return Promise.resolve(at);
    return new Promise((resolve) => this.waiting.set(name, resolve));
  }
}

const agent = new Agent({ keepAlive: true });

/** Places an order; resolves with its id and the moment of the 201. */
const placeOrder = (url: string): Promise<{ readonly id: string; readonly at: number }> =>
  new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID() };
    const req = request(`${url}/v1/orders`, { agent, method: 'POST', headers }, (res) => {
      const at = performance.now();
      let text = '';
      res.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      res.on('end', () => {
        if (res.statusCode === 201) resolve({ id: (JSON.parse(text) as { id: string }).id, at });
        else reject(new Error(`answered ${res.statusCode}: ${text}`));
      });
    });
    req.on('error', reject);
    req.end(orderBody());
  });

const p99 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? Number.NaN;

/**
 * What the service adds to the way of a message, with nothing else to do: from the 201 to the consumer, beside from
 * `publish` to the consumer, on the same queue and taking turns.
 */
export const latency: Figure = {
  name: 'latency',
  needsRabbitmq: true,
  measure: async ({ quick, rounds: count, rabbitmqUrl, say }) => {
    if (rabbitmqUrl === null) throw new Error('this figure needs RabbitMQ');
    const samples = quick ? 200 : 1_000;
    const prefix = `bench-${process.pid}-latency.`;
    const rabbitmq = await openRabbitmq(rabbitmqUrl, prefix);
    const connection = await connect(rabbitmqUrl, { noDelay: true, timeout: 5_000 });
    const directory = scratchDirectory();
    const rounds: Round[] = [];
    await rabbitmq.declareWatch(routingKey);
    const server = await startServer(programs.orderflow, {
      DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`,
      BROKER_URL: rabbitmqUrl,
      QUEUE_PREFIX: prefix,
      ROLES: 'api,relay',
    });
    try {
      const arrivals = new Arrivals();
      await rabbitmq.channel.consume(
        watchQueue(prefix),
        (message) => {
          if (message === null) return;
          const envelope = JSON.parse(message.content.toString()) as { readonly subject: string };
          arrivals.note(envelope.subject);
        },
        { noAck: true },
      );
      const publisher = await connection.createConfirmChannel();
      const viaService = async (): Promise<number> => {
        const { id, at } = await placeOrder(server.url);
        return (await arrivals.of(id)) - at;
      };
      const raw = async (): Promise<number> => {
        const subject = randomUUID();
        const content = Buffer.from(JSON.stringify({ subject, data: orderBody() }));
        const at = performance.now();
        publisher.publish(`${prefix}orderflow.events`, 'order.placed', content, { persistent: true });
        return (await arrivals.of(subject)) - at;
      };
      for (let warmUp = 0; warmUp < samples / 5; warmUp += 1) {
        await viaService();
        await raw();
      }
      for (let round = 1; round <= count; round += 1) {
        const ours: number[] = [];
        const bare: number[] = [];
        for (let sample = 0; sample < samples; sample += 1) {
          ours.push(await viaService());
          await sleep(pauseMs);
          bare.push(await raw());
          await sleep(pauseMs);
        }
        say(
          `p99: 201 to consumer ${p99(ours).toFixed(2)} ms, publish to consumer ${p99(bare).toFixed(2)} ms`,
        );
        rounds.push({
          value: p99(ours) / p99(bare),
          measured: { serviceP99Ms: p99(ours), rawP99Ms: p99(bare) },
        });
      }
    } finally {
      agent.destroy();
      await server.stop();
      await connection.close();
      await rabbitmq.close();
      removeScratch(directory);
    }
    return [
      {
        title: '201 to a consumer on RabbitMQ ÷ publish to a consumer, p99, idle',
        unit: '',
        must: { atMost: 3 },
        rounds,
      },
    ];
  },
};
