import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };

const fileOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const programs = {
  orderflow: fileOf('../../src/app/main.ts'),
  expressEcho: fileOf('../programs/expressEcho.ts'),
  generateLoad: fileOf('../programs/generateLoad.ts'),
  preloadOrders: fileOf('../programs/preloadOrders.ts'),
  relayBacklog: fileOf('../programs/relayBacklog.ts'),
  publishRaw: fileOf('../programs/publishRaw.ts'),
  consumeRaw: fileOf('../programs/consumeRaw.ts'),
  consumeThrough: fileOf('../programs/consumeThrough.ts'),
  redriveLetters: fileOf('../programs/redriveLetters.ts'),
  liveOrders: fileOf('../programs/liveOrders.ts'),
};

/** The service runs with the options that `npm start` gives it. */
const startOptions = packageJson.scripts.start.split(' ').filter((word) => word.startsWith('--'));

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const launch = (file: string, args: readonly string[], env: Readonly<Record<string, string>>) => {
  const options = file === programs.orderflow ? startOptions : [];
  const child = spawn(process.execPath, [...options, file, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
};

/** A server in a process of its own. */
export interface ServerProgram {
  readonly url: string;
  /** Memory in use, in MB of 10^6 bytes. */
  residentMb(): number;
  stop(): Promise<void>;
}

/** Starts a server program on a free port, and resolves when it listens. */
export const startServer = async (
  file: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProgram> => {
  const child = launch(file, [], { HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'info', ...env });
  const url = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const found = /listening on (http:[^"\s]+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}:\n${output}`)));
  });
  // What it logs from now on is taken and thrown away: a full pipe would stop it.
  child.stdout.removeAllListeners('data').resume();
  return {
    url,
    residentMb: () => residentMb(child.pid ?? 0),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
};

/** Runs a program to its end with a JSON argument, and returns the JSON it prints. */
export const runProgram = async <Output>(file: string, input: unknown): Promise<Output> => {
  const child = launch(file, [JSON.stringify(input)], {});
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${file} ended with ${code}`);
  return JSON.parse(output) as Output;
};

const residentMb = (pid: number): number =>
  (Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024) / 1e6;
