import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe } from 'vitest';
import { eventually } from './eventually.ts';

const run = promisify(execFile);

/**
 * A place where RabbitMQ nodes of a test's own can live: one Erlang cookie and one port mapper, so that they may form
 * a cluster, and nothing in common with a server that runs on this machine already.
 */
export interface RabbitHome {
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** Ends all nodes, the port mapper, and removes every file. */
  close(): Promise<void>;
  readonly nodes: RabbitNode[];
}

export interface RabbitNode {
  /** The Erlang name, such as `a@localhost`. */
  readonly name: string;
  readonly port: number;
  /** As guest. */
  readonly url: string;
  /** Starts it again after `kill` or `stop`, on the same files. Resolves when it accepts connections. */
  start(): Promise<void>;
  /** An orderly end. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** `kill` for a process that ends itself: does not wait. */
  abandon(): void;
  /** SIGSTOP: it keeps its connections, and answers nobody. */
  freeze(): void;
  thaw(): void;
  /** `rabbitmqctl` for this node; resolves with its output. */
  ctl(...args: readonly string[]): Promise<string>;
}

/** The scripts of the server package itself: the wrappers on the PATH work for one system-wide node only. */
const scripts = ((): string | null => {
  const given = process.env.TEST_RABBITMQ_SBIN;
  if (given !== undefined) return given;
  const packages = '/usr/lib/rabbitmq/lib';
  if (!existsSync(packages)) return null;
  const server = readdirSync(packages).find((name) => name.startsWith('rabbitmq_server-'));
  return server === undefined ? null : join(packages, server, 'sbin');
})();

const epmd = ((): string | null => {
  try {
    return execFileSync('which', ['epmd'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
})();

/** Why no node can be started here; empty when one can. */
export const whyNoOwnRabbit =
  scripts === null || !existsSync(scripts)
    ? 'the rabbitmq-server package is not installed here; TEST_RABBITMQ_SBIN may name the folder of its scripts'
    : epmd === null
      ? "Erlang's epmd is not on the PATH"
      : '';

/** A suite that starts RabbitMQ nodes of its own. Without the server package it is skipped, and says so. */
export const describeWithOwnRabbit = (title: string, suite: () => void): void => {
  if (whyNoOwnRabbit === '') describe(title, suite);
  else if (process.env.REQUIRE_SERVICES === '1')
    throw new Error(`${whyNoOwnRabbit}; REQUIRE_SERVICES=1 demands it`);
  else describe.skip(`${title} (skipped: ${whyNoOwnRabbit})`, suite);
};

export const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

export const rabbitHome = async (): Promise<RabbitHome> => {
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-rabbit-'));
  await writeFile(join(directory, '.erlang.cookie'), randomBytes(16).toString('hex').toUpperCase(), {
    mode: 0o400,
  });
  const mapperPort = await freePort();
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: directory,
    ERL_EPMD_PORT: String(mapperPort),
    // Else what the command-line tools are given is taken for Latin-1.
    LC_ALL: 'C.UTF-8',
  };
  // In the foreground, so that it is a child that can be ended; a node would start one that stays.
  const mapper = spawn(epmd ?? 'epmd', ['-port', String(mapperPort), '-address', '127.0.0.1'], {
    env,
    stdio: 'ignore',
  });
  await eventually(() => accepts(mapperPort));
  const nodes: RabbitNode[] = [];
  // A run that is cut short leaves no node behind: they are in process groups of their own.
  const endAll = (): void => {
    mapper.kill('SIGKILL');
    for (const node of nodes) node.abandon();
  };
  process.once('exit', endAll);
  const close = async (): Promise<void> => {
    for (const node of nodes) await node.kill();
    await end(mapper, 'SIGKILL');
    process.off('exit', endAll);
    await rm(directory, { recursive: true, force: true });
  };
  return { directory, env, nodes, close };
};

/** Starts a node; `config` are lines of rabbitmq.conf beside those that keep it to itself. */
export const startRabbitNode = async (
  home: RabbitHome,
  options: {
    readonly name?: string;
    readonly config?: readonly string[];
    readonly plugins?: readonly string[];
  } = {},
): Promise<RabbitNode> => {
  const short = options.name ?? `node${home.nodes.length + 1}`;
  const name = `${short}@localhost`;
  const directory = join(home.directory, short);
  await mkdir(directory);
  const [port, distributionPort] = [await freePort(), await freePort()];
  const config = [`listeners.tcp.default = 127.0.0.1:${port}`, 'log.console = false'];
  await writeFile(join(directory, 'rabbitmq.conf'), `${[...config, ...(options.config ?? [])].join('\n')}\n`);
  await writeFile(join(directory, 'plugins'), `[${(options.plugins ?? []).join(',')}].\n`);
  const env = {
    ...home.env,
    RABBITMQ_NODENAME: name,
    // Several nodes share the machine: schedulers of their own for every core would only take turns there.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_PID_FILE: join(directory, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'plugins'),
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(directory, 'none.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'none.config'),
  };
  const node = new NodeProcess(name, port, directory, env);
  home.nodes.push(node);
  await node.start();
  return node;
};

class NodeProcess implements RabbitNode {
  readonly name: string;
  readonly port: number;
  private readonly directory: string;
  private readonly env: Readonly<Record<string, string>>;
  private child: ChildProcess | null = null;

  constructor(name: string, port: number, directory: string, env: Readonly<Record<string, string>>) {
    this.name = name;
    this.port = port;
    this.directory = directory;
    this.env = env;
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    let output = '';
    // A process group of its own: a signal reaches the script and the virtual machine that it runs.
    const child = spawn(join(scripts ?? '', 'rabbitmq-server'), [], {
      env: this.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    this.child = child;
    try {
      const up = (): Promise<void> => (hasEnded(child) ? Promise.resolve() : accepts(this.port));
      await eventually(up, { timeoutMs: 120_000, intervalMs: 100 });
      if (hasEnded(child)) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    } catch (error) {
      await this.kill();
      throw new Error(`${this.name} did not start:\n${output}\n${await this.log()}`, { cause: error });
    }
  }

  async stop(): Promise<void> {
    await this.endWith('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.endWith('SIGKILL');
  }

  abandon(): void {
    this.signal('SIGKILL');
  }

  freeze(): void {
    this.signal('SIGSTOP');
  }

  thaw(): void {
    this.signal('SIGCONT');
  }

  async ctl(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(join(scripts ?? '', 'rabbitmqctl'), ['-q', ...args], { env: this.env });
    return stdout;
  }

  private async endWith(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null || hasEnded(child)) return;
    const exited = once(child, 'exit');
    process.kill(-child.pid!, signal);
    // One that is frozen would not hear it.
    process.kill(-child.pid!, 'SIGCONT');
    await exited;
    await eventually(() => expectSilence(this.port), { timeoutMs: 60_000, intervalMs: 50 });
  }

  private signal(signal: NodeJS.Signals): void {
    const { child } = this;
    if (child?.pid !== undefined && !hasEnded(child)) process.kill(-child.pid, signal);
  }

  private async log(): Promise<string> {
    const file = join(this.directory, 'log', `${this.name}.log`);
    return (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(-40).join('\n');
  }
}

const accepts = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = dial(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });

const expectSilence = async (port: number): Promise<void> => {
  const answered = await accepts(port).then(
    () => true,
    () => false,
  );
  if (answered) throw new Error(`port ${port} still accepts connections`);
};

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
};
