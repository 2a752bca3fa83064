import { describe, expect, it } from 'vitest';
import { startServer } from '../support/serverProcess.ts';

describe('a Ctrl-C that comes twice, as it does through npm', () => {
  it('lets the service end cleanly', async () => {
    const server = await startServer({ DATABASE_URL: 'sqlite::memory:' });
    process.kill(server.pid, 'SIGINT');
    // Two of one kind may arrive as one.
    expect(await server.stop()).toBe(0);
    expect(server.output()).toContain('"msg":"stopped"');
  }, 60_000);
});
