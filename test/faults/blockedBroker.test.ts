import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { placeOverHttp } from '../support/placeOverHttp.ts';
import { describeWithOwnRabbit, rabbitHome, startRabbitNode } from '../support/rabbitNode.ts';
import { startServer } from '../support/serverProcess.ts';

interface OutboxReport {
  readonly pending: number;
  readonly relay: { readonly state: string };
}

describeWithOwnRabbit('a broker under a memory alarm', () => {
  it('pauses publishing, which is visible, said once, and no reason to be unready; all is published after it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'orderflow-blocked-'));
    const home = await rabbitHome();
    try {
      const node = await startRabbitNode(home);
      const server = await startServer({
        DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`,
        BROKER_URL: node.url,
        ROLES: 'api,relay,orders',
        CONFIRM_TIMEOUT_MS: '1000',
      });
      const report = async (): Promise<OutboxReport> =>
        (await (await fetch(`${server.url}/v1/admin/outbox`)).json()) as OutboxReport;
      const becomes = (expected: object): Promise<void> =>
        eventually(async () => expect(await report()).toMatchObject(expected), { timeoutMs: 60_000 });
      const told = (what: string): number => server.output().split(what).length - 1;
      try {
        await placeOverHttp(server.url);
        await becomes({ pending: 0, relay: { state: 'idle' } });
        await node.ctl('set_vm_memory_high_watermark', '0.0001');
        for (let order = 0; order < 50; order += 1) await placeOverHttp(server.url);
        await becomes({ pending: 50, relay: { state: 'blocked' } });
        expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
        await node.ctl('set_vm_memory_high_watermark', '0.4');
        await becomes({ pending: 0, relay: { state: 'idle' } });
        expect(told('the broker blocks publishers')).toBe(1);
        expect(told('the broker lets publishers go on')).toBe(1);
        expect(await server.stop()).toBe(0);
      } finally {
        await server.kill();
      }
    } finally {
      await home.close();
      await rm(directory, { recursive: true });
    }
  }, 180_000);
});
