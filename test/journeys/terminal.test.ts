import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import createKnex from 'knex';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startServer } from '../support/serverProcess.ts';

const main = fileURLToPath(new URL('../../src/app/main.ts', import.meta.url));
/** Gives a program a terminal of its own, which is gone when this ends (util-linux). */
const script = '/usr/bin/script';
const hasScript = process.platform === 'linux' && existsSync(script);

describe('a service whose terminal is closed', () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'orderflow-terminal-'));
    file = join(directory, 'orderflow.db');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** A process that ends cleanly signs off; one that is killed leaves its row behind. */
  const signedOn = async (): Promise<number> => {
    const knex = createKnex({ client: 'sqlite3', connection: { filename: file }, useNullAsDefault: true });
    try {
      return (await knex('consumer_processes')).length;
    } finally {
      await knex.destroy();
    }
  };

  it.skipIf(!hasScript)(
    `ends cleanly${hasScript ? '' : ` (skipped: no ${script})`}`,
    async () => {
      const terminal = spawn(script, ['-qec', `"${process.execPath}" "${main}"`, '/dev/null'], {
        env: { PATH: process.env.PATH, PORT: '0', DATABASE_URL: `sqlite:${file}` },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      terminal.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      await eventually(() => expect(output).toContain('listening on'), { timeoutMs: 20_000 });
      const pid = Number(/"pid":(\d+)/.exec(output)?.[1]);
      try {
        expect(await signedOn()).toBeGreaterThan(0);
        terminal.kill('SIGKILL');
        await eventually(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeoutMs: 20_000 });
        expect(await signedOn()).toBe(0);
      } finally {
        terminal.kill('SIGKILL');
      }
    },
    60_000,
  );

  it('is ended at once where it never had one', async () => {
    const server = await startServer({ DATABASE_URL: `sqlite:${file}` });
    process.kill(server.pid, 'SIGHUP');
    await eventually(() => expect(server.hasEnded()).toBe(true), { timeoutMs: 20_000 });
    expect(server.output()).not.toContain('stopping');
  }, 60_000);
});
