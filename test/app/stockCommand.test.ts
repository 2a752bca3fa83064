import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { examineCounts } from '../../src/app/cli/stock/examineCounts.ts';
import type { CountFormat } from '../../src/app/cli/stock/readCounts.ts';
import { runImport } from '../../src/app/cli/stock/runImport.ts';
import { readState } from '../../src/app/commands/readState.ts';
import { stockModel } from '../../src/app/inventory/inventoryModels.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { openInventoryRig } from '../support/inventoryRig.ts';
import { orderMessage, placedMessage } from '../support/orderMessages.ts';
import { orderflow } from '../support/programs.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'orderflow-stock-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const fileOf = async (name: string, content: string | Buffer): Promise<string> => {
  const file = join(directory, name);
  await writeFile(file, content);
  return file;
};
const examine = async (name: string, content: string | Buffer, format: CountFormat = 'csv') =>
  examineCounts(await fileOf(name, content), format);
const wrong = (line: number, problem: string) => ({ line, problem: expect.stringContaining(problem) });
const catalogue = (size: number): string =>
  ['sku,onHand', ...Array.from({ length: size }, (_, n) => `sku-${n},${n}`)].join('\n');

describe('a file of counts', () => {
  it('is CSV with the columns sku and onHand, wherever they stand', async () => {
    const text = '\ufeffname, onHand,sku\r\n"Tea, green",7,tea-100\r\n\r\nPot,0,"po""t"\r\n';
    expect(await examine('a.csv', text)).toMatchObject({ lines: 2, invalid: 0 });
  });

  it('is NDJSON, with or without an end of the last line', async () => {
    const text = '{"sku":"tea-100","onHand":7}\r\n\n{"onHand":0,"sku":"茶"}';
    expect(await examine('a.ndjson', text, 'ndjson')).toMatchObject({ lines: 2, invalid: 0 });
  });

  it('has every wrong line named by its number', async () => {
    const lines = [
      'a,1',
      ',2',
      'b,-1',
      'c,1.5',
      'd,',
      'e',
      'a,4',
      'f f,1',
      `${'x'.repeat(65)},1`,
      'g,1000000000001',
    ];
    const { problems, invalid } = await examine('a.csv', ['sku,onHand', ...lines].join('\n'));
    const range = 'onHand must be a whole number from 0 to 1000000000000';
    expect(problems).toEqual([
      wrong(3, 'sku must have'),
      wrong(4, range),
      wrong(5, range),
      wrong(6, range),
      wrong(7, range),
      wrong(8, 'a was counted on line 2 already'),
      wrong(9, 'sku must have'),
      wrong(10, 'sku must have'),
      wrong(11, range),
    ]);
    expect(invalid).toBe(9);
  });

  it('has every wrong line of NDJSON named by its number', async () => {
    const lines = [
      '{"sku":"a","onHand":1}',
      'x',
      '[1]',
      '7',
      '{"sku":"b","onHand":"1"}',
      '{"sku":"c","onHand":1,"d":1}',
      '{"sku":"e","onHand":1,"onHand":2}',
      '{"sku":"f\\":","onHand":1}',
    ];
    const { problems } = await examine('a.ndjson', lines.join('\n'), 'ndjson');
    expect(problems).toEqual([
      wrong(2, 'not JSON'),
      wrong(3, 'not a JSON object'),
      wrong(4, 'not a JSON object'),
      wrong(5, 'onHand must be'),
      wrong(6, 'd is not a member of a count'),
      wrong(7, 'a member stands there twice'),
    ]);
  });

  it.each([
    ['without its columns', 'sku,count\na,1', 'must name the columns sku and onHand'],
    ['with a column twice', 'sku,onHand,sku\na,1,b', 'must name the columns sku and onHand, each once'],
    ['in another encoding', Buffer.from('sku,onHand\nth\xe9,1', 'latin1'), 'is not text in UTF-8'],
  ])('%s is refused', async (_what, content, message) => {
    await expect(examine('a.csv', content)).rejects.toThrow(message);
  });

  it('cannot be read behind a quotation mark that is wrong', async () => {
    const { problems } = await examine('a.csv', 'sku,onHand\na,1\n"b,2\nc,3\n');
    expect(problems).toEqual([wrong(3, 'not CSV')]);
  });
});

describe('an import', () => {
  const run = async (stores: Stores, file: string, again = false, stopAfter = Number.POSITIVE_INFINITY) => {
    const stop = new AbortController();
    const examined = await examineCounts(file, 'csv');
    return runImport(stores, {
      file,
      format: 'csv',
      examined,
      again,
      signal: stop.signal,
      onProgress: (lines) => {
        if (lines >= stopAfter) stop.abort();
      },
    });
  };
  const onHand = async (stores: Stores, sku: string) =>
    (await readState(stockModel, stores, 'default', sku)).state?.onHand;

  it('goes on where it was stopped, and sets nothing twice: what was shipped meanwhile stays shipped', async () => {
    const rig = await openInventoryRig({ stores: [openMemoryStores()] });
    const { stores } = rig;
    const file = await fileOf('counts.csv', catalogue(1_200));
    expect(await run(stores, file, false, 500)).toEqual({
      finished: false,
      set: 500,
      changed: 500,
      resumed: 0,
    });
    expect(await onHand(stores, 'sku-500')).toBeUndefined();
    await rig.tell(placedMessage('o-1', { sku: 'sku-499', quantity: 9 }));
    await rig.tell(orderMessage('o-1', 2, 'shipped'));

    expect(await run(stores, file)).toEqual({ finished: true, set: 1_200, changed: 1_200, resumed: 500 });
    expect([await onHand(stores, 'sku-499'), await onHand(stores, 'sku-1199')]).toEqual([490, 1_199]);
    expect(await run(stores, file)).toEqual({ finished: true, set: 1_200, changed: 1_200, resumed: 1_200 });
    expect(await onHand(stores, 'sku-499')).toBe(490);

    expect(await run(stores, file, true)).toEqual({ finished: true, set: 1_200, changed: 1, resumed: 0 });
    expect(await onHand(stores, 'sku-499')).toBe(499);
    await rig.close();
  });

  it('of a file that changes meanwhile fails, and says so', async () => {
    const file = await fileOf('counts.csv', catalogue(3));
    const examined = await examineCounts(file, 'csv');
    await writeFile(file, catalogue(4));
    const options = { file, format: 'csv', examined, again: false } as const;
    const import4 = runImport(openMemoryStores(), {
      ...options,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    await expect(import4).rejects.toThrow('was changed while it was read');
  });
});

describe('orderflow stock', () => {
  it('imports, shows, and says what is wrong, with exit codes', async () => {
    const env = {
      DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`,
      INVENTORY_DATABASE_URL: `sqlite:${join(directory, 'inventory.db')}`,
    };
    const good = await fileOf('counts.csv', catalogue(700));
    const bad = await fileOf('bad.ndjson', '{"sku":"tea-100","onHand":7}\n{"sku":"pot"}\n');
    const missing = await orderflow(['stock', 'import', good], env);
    expect(missing).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('There is no database') });
    await orderflow(['migrate', 'up'], { DATABASE_URL: env.INVENTORY_DATABASE_URL });

    expect(await orderflow(['stock', 'import', good, '--dry-run'], env)).toMatchObject({
      exitCode: 0,
      stdout: 'Fine: 700 counts. Nothing was set.\n',
    });
    const done = await orderflow(['stock', 'import', good], env);
    expect(done).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Done: 700 counts set (700 changed)'),
    });
    expect(done.stderr).toContain('importing: 700/700 lines (100%)');

    expect((await orderflow(['stock', 'import', good], env)).stdout).toMatch(/^Nothing was set: .*--again/);
    const empty = join(directory, 'empty.csv');
    await writeFile(empty, 'sku,onHand\n');
    expect(await orderflow(['stock', 'import', empty], env)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('has no counts'),
    });

    const refused = await orderflow(['stock', 'import', bad], env);
    expect(refused).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('Nothing was set: 1 of 2 lines'),
    });
    expect(refused.stderr).toContain('line 2: onHand must be a whole number');
    const skipping = await orderflow(['stock', 'import', bad, '--skip-invalid', '--json'], env);
    expect(JSON.parse(skipping.stdout)).toMatchObject({
      finished: true,
      lines: 2,
      set: 1,
      changed: 1,
      resumed: 0,
      invalid: 1,
      problems: [{ line: 2 }],
    });

    const shown = await orderflow(['stock', 'show', 'sku-699', '--json'], env);
    expect(JSON.parse(shown.stdout)).toEqual({ sku: 'sku-699', onHand: 699, reserved: 0, available: 699 });
    expect((await orderflow(['stock', 'show', 'tea-100'], env)).stdout).toContain('Available');
    expect(await orderflow(['stock', 'show', 'nobody'], env)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('nobody was never counted: orders for it are not limited'),
    });
    expect(
      (await orderflow(['stock', 'show', 'nobody'], { ...env, STOCK_UNKNOWN: 'reject' })).stderr,
    ).toContain('orders for it are cancelled as out of stock');
    expect(await orderflow(['stock', 'import', join(directory, 'no.csv')], env)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('cannot be read'),
    });
  }, 120_000);
});
