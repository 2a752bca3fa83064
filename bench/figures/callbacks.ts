import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure, Round, Setting } from '../figure.ts';
import { callbackProvider, callbackSecrets } from '../support/callbackRequests.ts';
import { putLoad } from '../support/load.ts';
import type { LoadResult } from '../support/loadSpec.ts';
import { programs, runProgram, startServer } from '../support/program.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';
import { echo } from './intake.ts';

const connections = 64;
const path = `/v1/callbacks/${callbackProvider}`;

/** Each callback captures the money of an order of its own: verified, applied, stored, answered 202. */
const acceptAll = async (stored: string, requests: number): Promise<LoadResult> => {
  const directory = scratchDirectory();
  const file = join(directory, 'orders.db');
  copyFileSync(stored, file);
  const env = { DATABASE_URL: `sqlite:${file}`, ROLES: 'api', CALLBACK_SECRETS: callbackSecrets };
  const server = await startServer(programs.orderflow, env);
  try {
    return await putLoad({ url: server.url, path, connections, requests }, 202);
  } finally {
    await server.stop();
    removeScratch(directory);
  }
};

const measureRounds = async (setting: Setting, stored: string, requests: number): Promise<Round[]> => {
  const rounds: Round[] = [];
  for (let round = 1; round <= setting.rounds; round += 1) {
    const baseline = await echo(setting, connections);
    const result = await acceptAll(stored, requests);
    const { perSecond, p50Ms, p99Ms } = result;
    setting.say(`express echo: ${baseline.perSecond.toFixed(0)}/s, callbacks: ${perSecond.toFixed(0)}/s`);
    rounds.push({
      value: perSecond / baseline.perSecond,
      measured: { callbacksPerSecond: perSecond, echoPerSecond: baseline.perSecond, p50Ms, p99Ms },
    });
  }
  return rounds;
};

export const callbacks: Figure = {
  name: 'callbacks',
  needsRabbitmq: false,
  measure: async (setting) => {
    const requests = setting.quick ? 5_000 : 30_000;
    const directory = scratchDirectory();
    const file = join(directory, 'stored.db');
    await runProgram(programs.preloadOrders, { file, orders: requests, numbered: true });
    const rounds = await measureRounds(setting, file, requests);
    removeScratch(directory);
    return [
      {
        title: `callbacks verified and applied ÷ bare Express echo, ${connections} connections, ROLES=api`,
        unit: '',
        must: { atLeast: 0.4 },
        rounds,
      },
    ];
  },
};
