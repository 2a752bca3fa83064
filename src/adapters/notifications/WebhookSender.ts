import { createHmac } from 'node:crypto';
import { type LookupOptions, lookup } from 'node:dns';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP } from 'node:net';
import { type NotificationSender, SendRefused } from '../../ports/notificationSender.ts';
import type { Templates } from './templates.ts';

export interface WebhookSettings {
  readonly url: string;
  /** `whsec_` and the key in base64. */
  readonly secret: string;
  /** Private, loopback and link-local addresses are refused otherwise. */
  readonly allowPrivate: boolean;
}

/**
 * Posts to the shop's own address, signed as Standard Webhooks have it
 * (https://github.com/standard-webhooks/standard-webhooks); the idempotency key is the `webhook-id`. It follows no
 * redirects, and the address is checked where the connection is made, so that a name cannot change its meaning between.
 */
export const createWebhookSender = (
  { url: text, secret, allowPrivate }: WebhookSettings,
  templates: Templates,
): NotificationSender => {
  const url = new URL(text);
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const closing = new AbortController();
  return {
    send: async ({ idempotencyKey, orderId, template, recipient, values }, signal) => {
      const { subject, text: message } = templates.render(template, values);
      const data = { orderId, customerId: recipient, template, values, subject, text: message };
      const timestamp = Math.floor(Date.now() / 1000);
      const body = JSON.stringify({
        type: `notification.${template}`,
        timestamp: new Date().toISOString(),
        data,
      });
      const signature = createHmac('sha256', key)
        .update(`${idempotencyKey}.${timestamp}.${body}`)
        .digest('base64');
      const headers = {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
        'webhook-id': idempotencyKey,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      };
      const status = await post(url, headers, body, allowPrivate, AbortSignal.any([signal, closing.signal]));
      if (status >= 200 && status < 300) return;
      const said = `the webhook answered ${status}`;
      if (status >= 400 && status < 500 && status !== 408 && status !== 429) throw new SendRefused(said);
      throw new Error(said);
    },
    close: async () => closing.abort(),
  };
};

const post = (
  url: URL,
  headers: Readonly<Record<string, string | number>>,
  body: string,
  allowPrivate: boolean,
  signal: AbortSignal,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    // A literal address is looked up by nobody.
    if (!allowPrivate && isIP(host) !== 0 && isPrivate(host)) {
      reject(new SendRefused(privateAddress(host)));
      return;
    }
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(
      url,
      { method: 'POST', headers, signal, agent: false, lookup: allowPrivate ? lookup : lookUpPublic },
      (response: IncomingMessage) => {
        resolve(response.statusCode ?? 0);
        // Whatever else it has to say is not read.
        response.destroy();
      },
    );
    request.once('error', reject);
    request.end(body);
  });

type LookupDone = (
  error: NodeJS.ErrnoException | null,
  address: string | { address: string; family: number }[],
  family?: number,
) => void;

const lookUpPublic = (hostname: string, options: LookupOptions, done: LookupDone): void => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(error, '');
    const found = addresses.find(({ address }) => isPrivate(address));
    if (found !== undefined) return done(new SendRefused(privateAddress(hostname)), '');
    if (options.all === true) return done(null, addresses);
    const [first] = addresses;
    return done(null, first?.address ?? '', first?.family ?? 0);
  });
};

const privateAddress = (host: string): string =>
  `${host} is a private address: set NOTIFY_ALLOW_PRIVATE=yes if that is meant`;

/** https://www.iana.org/assignments/iana-ipv4-special-registry, as far as they are not global. */
const blocked4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]);

/** https://www.iana.org/assignments/iana-ipv6-special-registry; IPv4 in IPv6 clothes is no public name's address. */
const blocked6 = blockList('ipv6', [
  ['::', 128],
  ['::1', 128],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
]);

export const isPrivate = (address: string): boolean =>
  isIP(address) === 6 ? blocked6.check(address, 'ipv6') : blocked4.check(address, 'ipv4');

// A list of its own per family: a mapped IPv6 network would also match every IPv4 address.
function blockList(family: 'ipv4' | 'ipv6', networks: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, bits] of networks) list.addSubnet(network, bits, family);
  return list;
}
