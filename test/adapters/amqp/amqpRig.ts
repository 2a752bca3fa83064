import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type AmqpBrokerOptions, connectAmqpBroker } from '../../../src/adapters/amqp/connectAmqpBroker.ts';
import { systemClock } from '../../../src/adapters/system/SystemClock.ts';
import type { Broker, Topology } from '../../../src/ports/broker.ts';
import { topologyWith } from '../../support/brokerTopology.ts';
import type { FaultyProxy } from '../../support/faultyProxy.ts';
import { type RabbitmqAdmin, rabbitmqAdmin, rabbitmqProxy } from '../../support/rabbitmq.ts';
import { type LogEntry, recordingLogger } from '../../support/recordingLogger.ts';
import { uniquePrefix } from '../../support/services.ts';

export interface AmqpRig {
  readonly broker: Broker;
  readonly proxy: FaultyProxy;
  readonly admin: RabbitmqAdmin;
  readonly topology: Topology;
  readonly queue: string;
  /** Shown by the broker for both connections, and used by no other test. */
  readonly connectionName: string;
  readonly log: readonly LogEntry[];
  /** The messages of one level. */
  readonly logged: (level: LogEntry['level']) => readonly string[];
}

export const never = new AbortController().signal;

/** One queue that takes every event, a proxy in between, and short times. */
export const withAmqp = async (
  given: {
    readonly options?: Partial<AmqpBrokerOptions>;
    /** Changes the URL of the proxy. */
    readonly urls?: (url: string) => string;
    /** Before the broker is connected to. */
    readonly before?: (rig: Omit<AmqpRig, 'broker'>) => Promise<void>;
    /** Do not wait until it is connected. */
    readonly away?: boolean;
  },
  test: (rig: AmqpRig) => Promise<void>,
): Promise<void> => {
  const prefix = uniquePrefix();
  const topology = topologyWith(prefix, [{ name: 'q', bindings: [['events', '#']] }]);
  const admin = await rabbitmqAdmin();
  const { proxy, url } = await rabbitmqProxy();
  const logger = recordingLogger();
  const rig = {
    proxy,
    admin,
    topology,
    queue: `${prefix}q`,
    connectionName: prefix,
    log: logger.entries,
    logged: (level: LogEntry['level']) =>
      logger.entries.filter((entry) => entry.level === level).map(({ message }) => message),
  };
  await given.before?.(rig);
  const broker = connectAmqpBroker({
    urls: given.urls?.(url) ?? url,
    topology,
    clock: systemClock,
    logger,
    connectionName: prefix,
    connectTimeoutMs: 1000,
    setupTimeoutMs: 1000,
    confirmTimeoutMs: 500,
    closeTimeoutMs: 1000,
    backoff: { baseMs: 10, capMs: 100 },
    ...given.options,
  });
  try {
    if (given.away !== true) await broker.whenReady(AbortSignal.timeout(10_000));
    await test({ ...rig, broker });
  } finally {
    proxy.thaw();
    await broker.close();
    await proxy.stop();
    await admin.remove(topology);
    await admin.close();
  }
};

const run = promisify(execFile);

/** Whether the broker's own command-line tool is here, and may be used. */
export const hasRabbitmqctl = async (): Promise<boolean> => {
  try {
    await run('rabbitmqctl', ['-q', 'list_vhosts']);
    return true;
  } catch {
    return false;
  }
};

/** Has the server close the connections of this name; returns how many there were. */
export const forceClose = async (connectionName: string): Promise<number> => {
  const { stdout } = await run('rabbitmqctl', ['-q', 'list_connections', 'pid', 'client_properties']);
  const pids = stdout
    .split('\n')
    .filter((line) => line.includes(connectionName))
    .map((line) => line.split('\t')[0]!);
  for (const pid of pids) await run('rabbitmqctl', ['-q', 'close_connection', pid, 'maintenance']);
  return pids.length;
};
