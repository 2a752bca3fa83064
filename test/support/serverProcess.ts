import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { compileCache } from './programs.ts';

const main = fileURLToPath(new URL('../../src/app/main.ts', import.meta.url));

/** The real program in a process of its own. */
export interface WorkerProcess {
  readonly pid: number;
  hasEnded(): boolean;
  /** Everything it has written so far. */
  output(): string;
  /** SIGKILL: no chance to finish anything. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface ServerProcess extends WorkerProcess {
  readonly url: string;
}

const defaults = { HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'info' };

type Environment = Readonly<Record<string, string>>;

/** Starts the program on a free port, and resolves when it listens. Rejects with its output when it ends before. */
export const startServer = async (env: Environment): Promise<ServerProcess> => {
  const { worker, said } = await launch(env, /listening on (http:[^"\s]+)/);
  return { ...worker, url: said[1] ?? '' };
};

/** Starts the program without the role `api`, and resolves when it has started. */
export const startWorker = async (env: Environment): Promise<WorkerProcess> =>
  (await launch(env, /"msg":"started"/)).worker;

const launch = async (
  env: Environment,
  sign: RegExp,
): Promise<{ readonly worker: WorkerProcess; readonly said: RegExpExecArray }> => {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, ...compileCache, ...defaults, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let isUp = false;
  const said = await new Promise<RegExpExecArray>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      output += chunk.toString();
      // Afterwards it is not looked for: what a program says in minutes is long.
      const found = isUp ? null : sign.exec(output);
      if (found === null) return;
      isUp = true;
      resolve(found);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${output}`)));
  });
  const worker = {
    pid: child.pid ?? 0,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    output: () => output,
    kill: () => end(child, 'SIGKILL').then(() => undefined),
    stop: () => end(child, 'SIGTERM'),
  };
  return { worker, said };
};

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> => {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
  return child.exitCode;
};
