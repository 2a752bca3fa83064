import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';

const runModule = (code: string) =>
  spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: new URL('../..', import.meta.url),
    encoding: 'utf8',
    timeout: 20_000,
  });

describe('the system clock', () => {
  test('sleeps for the time asked for', async () => {
    const before = systemClock.now();
    await systemClock.sleep(30);
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(28);
  });

  test('wakes at once when the signal aborts, also when it was aborted before', async () => {
    const abort = new AbortController();
    const asleep = systemClock.sleep(600_000, abort.signal);
    abort.abort();
    await asleep;
    await systemClock.sleep(600_000, abort.signal);
  });

  test('a pending sleep does not keep the process alive', () => {
    const run = runModule(
      `import { systemClock } from './src/adapters/system/SystemClock.ts'; systemClock.sleep(600_000);`,
    );
    expect(run.status).toBe(0);
  });
});

test('ids made later sort after earlier ones', () => {
  const ids = Array.from({ length: 5_000 }, () => uuidV7Ids.next());
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test('the logger writes one JSON line with the message, its fields and the whole error', () => {
  const run = runModule(
    `import { createPinoLogger } from './src/adapters/system/PinoLogger.ts';
     const logger = createPinoLogger('info');
     logger.debug({}, 'not shown');
     logger.warn({ queue: 'q', err: new Error('outer', { cause: new Error('inner') }) }, 'told');
     process.kill(process.pid, 'SIGKILL');`,
  );
  const lines = run.stdout.trim().split('\n');
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0] ?? '');
  expect(line).toMatchObject({ level: 'warn', queue: 'q', msg: 'told' });
  expect(line.err.stack).toContain('inner');
});

test('a log whose reader is gone ends nothing', async () => {
  const code = `import { createPinoLogger } from './src/adapters/system/PinoLogger.ts';
    const logger = createPinoLogger('info');
    process.once('SIGUSR2', () => {
      for (let line = 0; line < 3; line += 1) logger.info({}, 'nobody reads this');
      setImmediate(() => process.exit(7));
    });
    setInterval(() => undefined, 1_000);
    logger.info({}, 'ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: new URL('../..', import.meta.url),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  await once(child.stdout, 'close');
  child.kill('SIGUSR2');
  const [exitCode] = await once(child, 'exit');
  expect(exitCode).toBe(7);
});

test.skipIf(!existsSync('/dev/full'))('a log on a full disk ends nothing, and stderr tells so once', () => {
  const run = runModule(
    `import { openSync } from 'node:fs';
     import { createPinoLogger } from './src/adapters/system/PinoLogger.ts';
     const logger = createPinoLogger('info', openSync('/dev/full', 'w'));
     for (let line = 0; line < 3; line += 1) logger.info({}, 'no room');
     setImmediate(() => process.exit(7));`,
  );
  expect(run.stderr.match(/the log cannot be written \(ENOSPC/g)).toHaveLength(1);
  expect(run.status).toBe(7);
});
