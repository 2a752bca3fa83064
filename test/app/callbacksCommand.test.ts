import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import type { CallbackRow } from '../../src/ports/callbacks.ts';
import { inDirectory, orderflow } from '../support/programs.ts';

const fact = {
  type: 'payment.captured',
  orderId: 'o-1',
  paymentId: 'p-1',
  refundId: null,
  amount: 2598,
  currency: 'EUR',
  reason: null,
};

const row = (id: string, changes: Partial<CallbackRow>): CallbackRow => ({
  ...{
    id,
    tenant: 'default',
    provider: 'acme',
    callbackId: `msg_${id}`,
    state: 'parked',
    stream: 'orders/o-1',
  },
  ...{ fact: JSON.stringify(fact), error: null, receivedAt: Date.now() - 180_000, appliedAt: null },
  ...{ correlationId: 'request-1', traceparent: null, body: Buffer.from('{"é":1}').toString('base64') },
  ...changes,
});

it(
  'orderflow callbacks shows what was reported and what became of it',
  () =>
    inDirectory(async (directory) => {
      const file = join(directory, 'orderflow.db');
      const env = { DATABASE_URL: `sqlite:${file}` };
      const stores = await openSqliteStores({
        file,
        migrate: 'up',
        clock: systemClock,
        logger: silentLogger,
      });
      expect((await orderflow(['callbacks', 'list'], env)).stdout).toBe('There are no such callbacks.\n');
      const invalid = { state: 'invalid', stream: null, fact: null, error: '#/type is required' } as const;
      await stores.unitOfWork.transact((tx) =>
        tx.callbacks.save([
          row('a', {}),
          row('b', { ...invalid, body: Buffer.from([0xff]).toString('base64') }),
        ]),
      );
      await stores.close();

      const all = await orderflow(['callbacks', 'list'], env);
      expect(all.stdout).toMatch(/^b +acme +invalid +.*\n? *#\/type is required/m);
      expect(all.stdout).toMatch(/^a +acme +parked +payment\.captured +o-1 +2598 EUR +3 min \d s/m);
      const parked = await orderflow(['callbacks', 'list', '--state', 'parked', '--json'], env);
      expect(JSON.parse(parked.stdout)).toMatchObject([{ id: 'a', state: 'parked', fact, appliedAt: null }]);
      expect((await orderflow(['callbacks', 'list', '--provider', 'nobody', '--json'], env)).stdout).toBe(
        '[]\n',
      );
      expect(await orderflow(['callbacks', 'list', '--state', 'odd'], env)).toMatchObject({ exitCode: 2 });

      expect(JSON.parse((await orderflow(['callbacks', 'show', 'a'], env)).stdout)).toMatchObject({
        id: 'a',
        callbackId: 'msg_a',
        body: '{"é":1}',
      });
      const binary = JSON.parse((await orderflow(['callbacks', 'show', 'b'], env)).stdout);
      expect(binary).toMatchObject({ bodyBase64: '/w==', error: '#/type is required' });
      expect(await orderflow(['callbacks', 'show', 'nobody'], env)).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('There is no callback nobody.') as string,
      });
    }),
  180_000,
);
