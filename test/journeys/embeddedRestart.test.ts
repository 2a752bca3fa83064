import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { placeOverHttp } from '../support/placeOverHttp.ts';
import { type ServerProcess, startServer } from '../support/serverProcess.ts';

const pending = async ({ url }: ServerProcess): Promise<unknown> =>
  ((await (await fetch(`${url}/v1/admin/outbox`)).json()) as { readonly pending: unknown }).pending;

it('the embedded default publishes at once after a kill: nobody else can hold the leases', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-restart-'));
  const env = { DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`, PAYMENT_DEADLINE_SECONDS: '0' };
  try {
    const first = await startServer(env);
    await placeOverHttp(first.url);
    await first.kill();
    const second = await startServer(env);
    await placeOverHttp(second.url);
    // A lease lasts 10 seconds.
    await eventually(async () => expect(await pending(second)).toBe(0), { timeoutMs: 5_000 });
    await second.stop();
  } finally {
    await rm(directory, { recursive: true });
  }
}, 60_000);
