import { join } from 'node:path';
import type { Figure, Result, Round, Setting } from '../figure.ts';
import { putLoad } from '../support/load.ts';
import type { LoadResult } from '../support/loadSpec.ts';
import { programs, startServer } from '../support/program.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';

const durations = ({ quick }: Setting) =>
  quick ? { warmUpSeconds: 1, seconds: 2 } : { warmUpSeconds: 2, seconds: 6 };

/** Load on the service with an empty database, or the given one. */
export const intake = async (
  setting: Setting,
  connections: number,
  env: Readonly<Record<string, string>>,
  file?: string,
): Promise<LoadResult> => {
  const directory = scratchDirectory();
  const database = `sqlite:${file ?? join(directory, 'orders.db')}`;
  const server = await startServer(programs.orderflow, { DATABASE_URL: database, ...env });
  try {
    return await putLoad({ url: server.url, connections, ...durations(setting) }, 201);
  } finally {
    await server.stop();
    removeScratch(directory);
  }
};

/** The baseline. */
export const echo = async (setting: Setting, connections: number): Promise<LoadResult> => {
  const server = await startServer(programs.expressEcho);
  try {
    return await putLoad({ url: server.url, connections, ...durations(setting) }, 200);
  } finally {
    await server.stop();
  }
};

/** The HTTP edge by itself, as where the relay runs elsewhere; and the default, with the in-memory broker. */
export const shapes = [
  { label: 'ROLES=api', env: { ROLES: 'api' } },
  { label: 'everything in one process', env: {} },
] as const;

const measure = async (
  setting: Setting,
  connections: number,
  atLeast: number,
): Promise<readonly Result[]> => {
  const rounds = shapes.map((): Round[] => []);
  for (let round = 1; round <= setting.rounds; round += 1) {
    const baseline = await echo(setting, connections);
    setting.say(`express echo: ${baseline.perSecond.toFixed(0)}/s`);
    for (const [index, { label, env }] of shapes.entries()) {
      const result = await intake(setting, connections, env);
      setting.say(
        `${label}: ${result.perSecond.toFixed(0)}/s, p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`,
      );
      rounds[index]?.push({
        value: result.perSecond / baseline.perSecond,
        measured: {
          intakePerSecond: result.perSecond,
          echoPerSecond: baseline.perSecond,
          p50Ms: result.p50Ms,
          p99Ms: result.p99Ms,
        },
      });
    }
  }
  return shapes.map(({ label }, index) => ({
    title: `durable intake ÷ bare Express echo, ${connections} connections, ${label}`,
    unit: '',
    must: { atLeast },
    rounds: rounds[index] ?? [],
  }));
};

export const intake64: Figure = {
  name: 'intake-64',
  needsRabbitmq: false,
  measure: (setting) => measure(setting, 64, 0.4),
};

export const intake256: Figure = {
  name: 'intake-256',
  needsRabbitmq: false,
  measure: (setting) => measure(setting, 256, 0.6),
};
