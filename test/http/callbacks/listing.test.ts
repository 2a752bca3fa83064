import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpHarness, startHttp } from '../../support/httpHarness.ts';
import { captured, secretOf, sendCallback } from '../../support/webhooks.ts';

describe('callbacks as an operator sees them', () => {
  let api: HttpHarness;
  const path = '/v1/admin/callbacks';
  const list = async (query = '') => (await api.send({ path: path + query })).json;
  const ids = async (query = ''): Promise<string[]> =>
    (await list(query)).items.map((item: { callbackId: string }) => item.callbackId);

  beforeAll(async () => {
    api = await startHttp({
      providers: new Map([
        ['acme', { scheme: 'standard', secrets: [secretOf('acme')] }],
        ['other', { scheme: 'standard', secrets: [secretOf('acme')] }],
      ]),
    });
    const placed = await api.place();
    await sendCallback(api, captured(placed), { id: 'applied' });
    await sendCallback(api, captured({ id: 'unknown', total: 7 }), { id: 'parked' });
    await sendCallback(api, '{"type":"é"}', { id: 'invalid' });
    await sendCallback(api, captured({ id: 'unknown', total: 7 }), { id: 'others', provider: 'other' });
  });
  afterAll(() => api.close());

  it('are listed newest first, with what they say and what became of them', async () => {
    const { items, next } = await list();
    expect(next).toBeNull();
    expect(items.map(({ callbackId, state }: Record<string, string>) => [callbackId, state])).toEqual([
      ['others', 'parked'],
      ['invalid', 'invalid'],
      ['parked', 'parked'],
      ['applied', 'applied'],
    ]);
    expect(items[2]).toEqual({
      id: expect.any(String),
      provider: 'acme',
      callbackId: 'parked',
      state: 'parked',
      fact: {
        type: 'payment.captured',
        orderId: 'unknown',
        paymentId: 'pay-unknown',
        refundId: null,
        amount: 7,
        currency: 'EUR',
        reason: null,
      },
      error: null,
      receivedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      appliedAt: null,
      correlationId: expect.any(String),
    });
    expect(items[1]).toMatchObject({ fact: null, error: expect.stringContaining('#/type') });
    expect(items[3].appliedAt >= items[3].receivedAt).toBe(true);
  });

  it('can be filtered, and read in pages', async () => {
    expect(await ids('?state=parked')).toEqual(['others', 'parked']);
    expect(await ids('?state=parked&provider=acme')).toEqual(['parked']);
    const first = await list('?limit=3');
    expect(first.items).toHaveLength(3);
    expect(await ids(`?limit=3&cursor=${first.next}`)).toEqual(['applied']);
    for (const query of ['?state=odd', '?limit=0', '?cursor=x', `?state=parked&cursor=${first.next}`, '?x=1'])
      expect((await api.send({ path: path + query })).status).toBe(422);
  });

  it('show what was sent, byte for byte', async () => {
    const { items } = await list('?state=invalid');
    const one = await api.send({ path: `${path}/${items[0].id}` });
    expect(one.json).toEqual({
      ...items[0],
      bodyBase64: Buffer.from('{"type":"é"}').toString('base64'),
    });
    expect((await api.send({ path: `${path}/nobody` })).status).toBe(404);
  });
});
