import { expect } from 'vitest';
import { eventually } from './eventually.ts';
import { type RabbitNode, rabbitHome, startRabbitNode } from './rabbitNode.ts';

/** Three nodes of a test's own that know each other; one that loses sight of the majority pauses. */
export interface RabbitCluster {
  readonly nodes: readonly RabbitNode[];
  /** Of all nodes, as `BROKER_URL` takes them. */
  readonly urls: readonly string[];
  /** The node that leads a quorum queue. */
  leaderOf(queue: string): Promise<RabbitNode>;
  /** Cuts a node off from the others, but not from its clients. */
  partition(node: RabbitNode): Promise<void>;
  heal(node: RabbitNode): Promise<void>;
  /** Resolves when every node sees all of them run. */
  whenWhole(): Promise<void>;
  /** Ready and unacknowledged messages of every queue that has any. */
  leftInQueues(): Promise<readonly QueueContent[]>;
  close(): Promise<void>;
}

interface QueueContent {
  readonly name: string;
  readonly ready: number;
  readonly unacknowledged: number;
}

const names = ['a', 'b', 'c'];

export const startRabbitCluster = async (): Promise<RabbitCluster> => {
  const home = await rabbitHome();
  const config = [
    'cluster_partition_handling = pause_minority',
    'cluster_formation.peer_discovery_backend = classic_config',
    ...names.map((name, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${name}@localhost`),
  ];
  try {
    const nodes = await Promise.all(names.map((name) => startRabbitNode(home, { name, config })));
    const cluster = clusterOf(nodes, home.close);
    await cluster.whenWhole();
    return cluster;
  } catch (error) {
    await home.close();
    throw error;
  }
};

const clusterOf = (nodes: readonly RabbitNode[], close: () => Promise<void>): RabbitCluster => {
  const [first] = nodes;
  if (first === undefined) throw new Error('a cluster has nodes');
  const peersOf = (node: RabbitNode): string =>
    `[${nodes
      .filter((other) => other !== node)
      .map(({ name }) => `'${name}'`)
      .join(',')}]`;
  return {
    nodes,
    urls: nodes.map(({ url }) => url),
    leaderOf: async (queue) => {
      const leader = (await table<{ name: string; leader: string }>(first, 'list_queues', 'name', 'leader'))
        .filter(({ name }) => name === queue)
        .map((found) => found.leader);
      const node = nodes.find(({ name }) => name === leader[0]);
      if (node === undefined) throw new Error(`no node leads the queue ${queue}`);
      return node;
    },
    partition: async (node) => {
      // Neither side accepts the other's cookie any more, and what is connected is cut.
      const cut = `[begin erlang:set_cookie(N, wrong), erlang:disconnect_node(N) end || N <- ${peersOf(node)}].`;
      await node.ctl('eval', cut);
    },
    heal: async (node) => {
      await node.ctl('eval', `[erlang:set_cookie(N, erlang:get_cookie()) || N <- ${peersOf(node)}].`);
    },
    whenWhole: () =>
      eventually(
        async () => {
          for (const node of nodes) {
            const status = JSON.parse(await node.ctl('cluster_status', '--formatter', 'json'));
            expect(status.running_nodes).toHaveLength(nodes.length);
          }
        },
        { timeoutMs: 180_000, intervalMs: 500 },
      ),
    leftInQueues: async () => {
      const columns = ['name', 'messages_ready', 'messages_unacknowledged'];
      const rows = await table<Record<string, string | number>>(first, 'list_queues', ...columns);
      return rows
        .map((row) => ({
          name: String(row.name),
          ready: Number(row.messages_ready),
          unacknowledged: Number(row.messages_unacknowledged),
        }))
        .filter(({ ready, unacknowledged }) => ready > 0 || unacknowledged > 0);
    },
    close,
  };
};

const table = async <Row>(node: RabbitNode, ...command: readonly string[]): Promise<readonly Row[]> =>
  JSON.parse(await node.ctl(...command, '--formatter', 'json')) as Row[];
