import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Consumer, consumers as everyConsumer, workQueueOf } from '../../src/app/messaging/topology.ts';
import { type RabbitCluster, startRabbitCluster } from '../support/rabbitCluster.ts';
import {
  type ServerProcess,
  startServer,
  startWorker,
  type WorkerProcess,
} from '../support/serverProcess.ts';
import { type Audit, auditQueues } from './audit.ts';
import { type OrderLedger, openLedger } from './orderLedger.ts';
import { type SteadyShop, skus, steadyShop } from './steadyShop.ts';

/** An order is placed, reserved, and told so: events go both ways, and every one of them changes something. */
const working: readonly Consumer[] = ['orders', 'inventory'];
/** Strangers take the place of these, and watch. */
const watched = everyConsumer.filter((consumer) => !working.includes(consumer));

/** An installation under load: the service in several processes, a cluster, and strangers who listen. */
export interface FaultWorld {
  readonly cluster: RabbitCluster;
  /** Serves HTTP and publishes. */
  readonly front: ServerProcess;
  /** Each has the same roles, so that they compete. */
  readonly consumers: WorkerProcess[];
  /** Whose leader is hit. */
  readonly queue: string;
  readonly shop: SteadyShop;
  readonly audit: Audit;
  readonly ledger: OrderLedger;
  startConsumer(): Promise<WorkerProcess>;
  close(): Promise<void>;
}

export const openFaultWorld = async (perSecond: number): Promise<FaultWorld> => {
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-faults-'));
  const closing: (() => Promise<void> | void)[] = [() => rm(directory, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const end of closing.toReversed()) await end();
  };
  try {
    const cluster = await startRabbitCluster();
    closing.push(() => cluster.close());
    const file = join(directory, 'orders.db');
    const env = { DATABASE_URL: `sqlite:${file}`, BROKER_URL: cluster.urls.join(',') };
    const front = await startServer({ ...env, ROLES: 'api,relay' });
    closing.push(() => front.kill());
    const startConsumer = (): Promise<WorkerProcess> => startWorker({ ...env, ROLES: working.join() });
    const consumers: WorkerProcess[] = [];
    closing.push(async () => {
      for (const consumer of consumers) await consumer.kill();
    });
    for (let count = 0; count < 2; count += 1) consumers.push(await startConsumer());
    const audit = auditQueues(
      cluster.urls,
      watched.map((consumer) => workQueueOf('', consumer)),
    );
    closing.push(() => audit.stop());
    await audit.begun;
    await countStock(front.url);
    const ledger = await openLedger(file);
    closing.push(() => ledger.close());
    const shop = steadyShop(front.url, perSecond);
    closing.push(() => shop.close());
    return {
      cluster,
      front,
      consumers,
      queue: workQueueOf('', 'orders'),
      shop,
      audit,
      ledger,
      startConsumer,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** Enough of everything: an order that finds too little is another story. */
export const onHand = 10_000_000;

const countStock = async (url: string): Promise<void> => {
  for (const sku of skus) {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ onHand });
    const { status } = await fetch(`${url}/v1/stock/${sku}`, { method: 'PUT', headers, body });
    if (status !== 200) throw new Error(`the stock of ${sku} cannot be counted: ${status}`);
  }
};

export interface Footprint {
  readonly residentMb: number;
  readonly handles: number;
}

/** What a process holds: memory, and open files and sockets. Linux only, as the server package's paths are. */
export const footprintOf = ({ pid }: WorkerProcess): Footprint => {
  const pages = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return {
    residentMb: Math.round((Number(pages?.[1]) * 1024) / 1e6),
    handles: readdirSync(`/proc/${pid}/fd`).length,
  };
};
