import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultWorld } from './faultWorld.ts';

/** Something that goes wrong while orders are placed. */
export interface Fault {
  readonly name: string;
  /** Does it, lasts `seconds` where it has a length, and undoes it. Resolves when nothing is broken any more. */
  readonly happen: (world: FaultWorld, seconds: number) => Promise<void>;
}

/** Not a wait for anything: how long something stays broken. */
const last = (seconds: number): Promise<void> => sleep(seconds * 1000);

const fault = (name: string, happen: Fault['happen']): Fault => ({ name, happen });

export const connectionsClosed = fault('every connection is closed by force', async ({ cluster }) => {
  await cluster.nodes[0]?.ctl('close_all_connections', '--global', 'closed by a test');
});

/** The exit reason is what the broker itself uses for an error of one channel: the connection stays. */
export const channelsKilled = fault('every channel is killed', async ({ cluster }) => {
  const reason = '{amqp_error, precondition_failed, "killed by a test", none}';
  await cluster.nodes[0]?.ctl('eval', `[exit(C, ${reason}) || C <- rabbit_channel:list()], ok.`);
});

export const consumerKilled = fault('a consumer is killed', async (world, seconds) => {
  await world.consumers.shift()?.kill();
  await last(seconds);
  world.consumers.push(await world.startConsumer());
});

export const consumersGone = fault('all consumers are gone for a while', async (world, seconds) => {
  const count = world.consumers.length;
  for (const consumer of world.consumers.splice(0)) await consumer.kill();
  await last(3 * seconds);
  for (let started = 0; started < count; started += 1) world.consumers.push(await world.startConsumer());
});

export const leaderKilled = fault("the queue's leader is killed", async ({ cluster, queue }, seconds) => {
  const leader = await cluster.leaderOf(queue);
  await leader.kill();
  await last(seconds);
  await leader.start();
});

export const leaderFrozen = fault("the queue's leader freezes", async ({ cluster, queue }, seconds) => {
  const leader = await cluster.leaderOf(queue);
  leader.freeze();
  try {
    // Longer than heartbeats take to notice.
    await last(3 * seconds);
  } finally {
    leader.thaw();
  }
});

export const leaderCutOff = fault("the queue's leader is cut off", async ({ cluster, queue }, seconds) => {
  const leader = await cluster.leaderOf(queue);
  await cluster.partition(leader);
  await last(2 * seconds);
  await cluster.heal(leader);
});

export const memoryAlarm = fault('a node raises a memory alarm', async ({ cluster }, seconds) => {
  const [node] = cluster.nodes;
  await node?.ctl('set_vm_memory_high_watermark', '0.0001');
  await last(2 * seconds);
  await node?.ctl('set_vm_memory_high_watermark', '0.4');
});

export const nodesRestarted = fault('the nodes restart one after the other', async ({ cluster }) => {
  for (const node of cluster.nodes) {
    await node.stop();
    await node.start();
    await cluster.whenWhole();
  }
});

export const brokerRestarted = fault('the whole broker stops and starts', async ({ cluster }, seconds) => {
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  await last(seconds);
  await Promise.all(cluster.nodes.map((node) => node.start()));
});

export const everyFault: readonly Fault[] = [
  connectionsClosed,
  channelsKilled,
  consumerKilled,
  consumersGone,
  leaderKilled,
  leaderFrozen,
  leaderCutOff,
  memoryAlarm,
  nodesRestarted,
  brokerRestarted,
];
