import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import type { SignedRequest } from '../../../src/adapters/http/callbacks/CallbackScheme.ts';
import { standardWebhooks } from '../../../src/adapters/http/callbacks/standardWebhooks.ts';
import { propertyOptions } from '../../support/properties.ts';

const now = Date.UTC(2026, 10, 23, 5, 0, 0, 999);
const second = Math.floor(now / 1000);

type Headers = Readonly<Record<string, string>>;

const requestOf = (headers: Headers, body: Buffer): SignedRequest => ({
  header: (name) => headers[name],
  body,
});

const sign = (key: Buffer, id: string, timestamp: string, body: Buffer): string =>
  `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;

const verify = (headers: Headers, body: Buffer, keys: readonly Buffer[], at = now): string | null =>
  standardWebhooks.verify(
    requestOf(headers, body),
    keys.map((key) => createSecretKey(key)),
    at,
  );

const accepts = (headers: Headers, body: Buffer, keys: readonly Buffer[], at = now): boolean =>
  verify(headers, body, keys, at) !== null;

/** The same rules by other means: what is signed is put together as one text of bytes, and looked for. */
const naive = (headers: Headers, body: Buffer, keys: readonly Buffer[], at: number): boolean => {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (!id || !timestamp || !signatures) return false;
  if (id.includes('.') || id.length > 255 || [...id].some((char) => char <= ' ' || char > '~')) return false;
  const seconds = Number.parseInt(timestamp, 10);
  if (String(seconds) !== timestamp || seconds <= 0) return false;
  if (Math.abs(seconds - Math.floor(at / 1000)) > 300) return false;
  const content = `${id}.${timestamp}.${body.toString('latin1')}`;
  return keys.some((key) =>
    signatures
      .split(' ')
      .includes(`v1,${createHmac('sha256', key).update(content, 'latin1').digest('base64')}`),
  );
};

const key = fc.uint8Array({ minLength: 24, maxLength: 64 }).map((bytes) => Buffer.from(bytes));
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((text) => Buffer.from(text)),
);
const id = fc.stringMatching(/^[\x21-\x2d\x2f-\x7e]{1,40}$/);

interface Change {
  readonly id?: string;
  readonly timestamp?: string;
  readonly body?: Buffer;
  readonly flip?: number;
  readonly otherKey?: Buffer;
}

describe('the verifier of Standard Webhooks', () => {
  it('takes what was signed with any of its keys, wherever the signature stands', () => {
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        id,
        fc.integer({ min: -300, max: 300 }),
        body,
        fc.array(fc.stringMatching(/^v[12]a?,[A-Za-z0-9+/]{0,44}=?$/), { maxLength: 5 }),
        fc.nat(),
        (keys, which, webhookId, offset, content, noise, place) => {
          const timestamp = String(second + offset);
          const good = sign(keys[which % keys.length]!, webhookId, timestamp, content);
          const signatures = noise.toSpliced(place % (noise.length + 1), 0, good).join(' ');
          const headers = {
            'webhook-id': webhookId,
            'webhook-timestamp': timestamp,
            'webhook-signature': signatures,
          };
          expect(verify(headers, content, keys)).toBe(webhookId);
        },
      ),
      propertyOptions({ numRuns: 300 }),
    );
  });

  it('agrees with a second implementation on whatever was changed after signing', () => {
    let taken = 0;
    let refused = 0;
    const text = fc.oneof(id, fc.string({ maxLength: 8 }), fc.constantFrom('', '.', 'a.1', ' '));
    const timestamps = fc.oneof(
      fc.integer({ min: -400, max: 400 }).map((offset) => String(second + offset)),
      fc.constantFrom('', '0', `0${second}`, `${second}.`, ` ${second}`, `+${second}`, `${second}e0`),
    );
    const change: fc.Arbitrary<Change> = fc.oneof(
      fc.record({ id: text }),
      fc.record({ timestamp: timestamps }),
      fc.record({ id: text, timestamp: timestamps }),
      fc.record({ body }),
      fc.record({ flip: fc.nat({ max: 2_000 }) }),
      fc.record({ otherKey: key }),
    );
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 1, maxLength: 3 }),
        id,
        body,
        change,
        fc.boolean(),
        (keys, webhookId, content, changes, resigned) => {
          const sent = {
            id: changes.id ?? webhookId,
            timestamp: changes.timestamp ?? String(second),
            body: changes.body ?? content,
          };
          // Either the sender itself wrote it so, or somebody changed it on the way.
          const signed = resigned ? sent : { id: webhookId, timestamp: String(second), body: content };
          const by = changes.otherKey ?? keys[0]!;
          let signature = sign(by, signed.id, signed.timestamp, signed.body);
          if (changes.flip !== undefined) {
            const at = changes.flip % signature.length;
            signature =
              signature.slice(0, at) + (signature[at] === 'A' ? 'B' : 'A') + signature.slice(at + 1);
          }
          const headers = {
            'webhook-id': sent.id,
            'webhook-timestamp': sent.timestamp,
            'webhook-signature': signature,
          };
          const expected = naive(headers, sent.body, keys, now);
          if (expected) taken += 1;
          else refused += 1;
          expect(accepts(headers, sent.body, keys)).toBe(expected);
        },
      ),
      propertyOptions({ numRuns: 1_000 }),
    );
    // A property in which one side hardly ever occurs would show nothing.
    expect(Math.min(taken, refused)).toBeGreaterThan(30);
  });

  it('takes what the published package signs, and that package what ours expects', () => {
    fc.assert(
      fc.property(key, id, fc.json(), (secret, webhookId, content) => {
        const webhook = new Webhook(secret.toString('base64'));
        const at = new Date();
        const headers = {
          'webhook-id': webhookId,
          'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
          'webhook-signature': webhook.sign(webhookId, at, content),
        };
        expect(accepts(headers, Buffer.from(content), [secret], at.getTime())).toBe(true);
        const own = sign(secret, webhookId, headers['webhook-timestamp'], Buffer.from(content));
        expect(webhook.verify(content, { ...headers, 'webhook-signature': own })).toEqual(
          JSON.parse(content),
        );
      }),
      propertyOptions(),
    );
  });

  it('looks at bytes: two bodies that decode to the same text are not the same', () => {
    const secret = Buffer.alloc(32, 7);
    const [one, other] = [Buffer.from([0x22, 0xff, 0x22]), Buffer.from([0x22, 0xfe, 0x22])];
    expect(one.toString()).toBe(other.toString());
    const timestamp = String(second);
    const headers = (signed: Buffer) => ({
      'webhook-id': 'a',
      'webhook-timestamp': timestamp,
      'webhook-signature': sign(secret, 'a', timestamp, signed),
    });
    expect(accepts(headers(one), one, [secret])).toBe(true);
    expect(accepts(headers(one), other, [secret])).toBe(false);
  });

  it.each([
    [-301, false],
    [-300, true],
    [300, true],
    [301, false],
  ])('of a clock that is off by %i seconds: %s', (offset, expected) => {
    const secret = Buffer.alloc(24, 1);
    const timestamp = String(second + offset);
    const headers = {
      'webhook-id': 'a',
      'webhook-timestamp': timestamp,
      'webhook-signature': sign(secret, 'a', timestamp, Buffer.from('{}')),
    };
    expect(accepts(headers, Buffer.from('{}'), [secret])).toBe(expected);
  });

  it('takes nothing when there is no key', () => {
    const headers = { 'webhook-id': 'a', 'webhook-timestamp': String(second), 'webhook-signature': 'v1,' };
    expect(accepts(headers, Buffer.from('{}'), [])).toBe(false);
  });
});
