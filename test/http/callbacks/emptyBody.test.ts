import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStores } from '../../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../../src/adapters/system/SystemClock.ts';
import { type HttpHarness, startHttp } from '../../support/httpHarness.ts';
import { secretOf, sendCallback } from '../../support/webhooks.ts';

/** Over a real database: an empty text is a value of its own only in some of them. */
describe('a callback with an empty body', () => {
  let api: HttpHarness;
  beforeEach(async () => {
    const system = { clock: systemClock, logger: silentLogger };
    api = await startHttp({
      stores: await openSqliteStores({ file: ':memory:', migrate: 'up', ...system }),
      providers: new Map([['acme', { scheme: 'standard', secrets: [secretOf('acme')] }]]),
    });
  });
  afterEach(() => api.close());

  it('that is signed as agreed is recorded, and refused as no JSON', async () => {
    const answer = await sendCallback(api, '', { id: 'msg_empty' });
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ code: 'invalid_json' }] } });
    const rows = await api.stores.callbacks.list({ tenant: 'default', limit: 9 });
    expect(rows).toMatchObject([{ callbackId: 'msg_empty', state: 'invalid', body: '' }]);
  });
});
