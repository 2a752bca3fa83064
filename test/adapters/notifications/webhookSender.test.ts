import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import type { Templates } from '../../../src/adapters/notifications/templates.ts';
import { createWebhookSender, isPrivate } from '../../../src/adapters/notifications/WebhookSender.ts';
import { SendRefused } from '../../../src/ports/notificationSender.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const templates: Templates = { render: () => ({ subject: 'Subject', text: 'Text', html: null }) };
const notification = {
  idempotencyKey: 'n-1',
  orderId: 'o-1',
  template: 'order-confirmed',
  recipient: 'c-42',
  values: { orderId: 'o-1' },
};
const never = new AbortController().signal;

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver that answers with a status, or never when it is 0. */
const startReceiver = async (status: number, headers: Record<string, string> = {}) => {
  const received: Received[] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    req.on('end', () => {
      received.push({ headers: req.headers, body });
      if (status === 0) return;
      res.writeHead(status, headers);
      if (status === 204) res.end();
      else res.write('an answer that goes on and on');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
};

const senderTo = (url: string, allowPrivate = true) =>
  createWebhookSender({ url, secret, allowPrivate }, templates);

describe('the webhook sender', () => {
  it('posts what is to be told, signed so that an independent receiver can verify it', async () => {
    const { url, received } = await startReceiver(204);
    await senderTo(url).send(notification, never);
    const [{ headers, body } = { headers: {}, body: '' }] = received;
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
      type: 'notification.order-confirmed',
      data: {
        orderId: 'o-1',
        customerId: 'c-42',
        template: 'order-confirmed',
        subject: 'Subject',
        text: 'Text',
      },
    });
    expect(headers['webhook-id']).toBe('n-1');
  });

  it.each([
    [400, true],
    [404, true],
    [410, true],
    [408, false],
    [429, false],
    [500, false],
    [503, false],
  ])('takes %i as refused for good: %s', async (status, forGood) => {
    const { url } = await startReceiver(status);
    const failure = await senderTo(url)
      .send(notification, never)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure instanceof SendRefused).toBe(forGood);
  });

  it('follows no redirect', async () => {
    const target = await startReceiver(200);
    const { url } = await startReceiver(302, { Location: target.url });
    await expect(senderTo(url).send(notification, never)).rejects.toThrow('the webhook answered 302');
    expect(target.received).toEqual([]);
  });

  it('ends when it is told to, and when it is closed', async () => {
    const { url } = await startReceiver(0);
    await expect(senderTo(url).send(notification, AbortSignal.timeout(50))).rejects.toThrow();
    const sender = senderTo(url);
    const sending = sender.send(notification, never);
    await sender.close();
    await expect(sending).rejects.toThrow();
  });

  it('reaches no private address unless that is allowed, neither by number nor by name', async () => {
    const { url, received } = await startReceiver(204);
    const named = url.replace('127.0.0.1', 'localhost');
    for (const address of [
      url,
      named,
      'http://[::1]:9/',
      'http://10.1.2.3/',
      'http://[::ffff:127.0.0.1]:9/',
    ]) {
      const failure = await senderTo(address, false)
        .send(notification, never)
        .catch((error: unknown) => error);
      expect(failure, address).toBeInstanceOf(SendRefused);
      expect(String(failure)).toContain('NOTIFY_ALLOW_PRIVATE=yes');
    }
    expect(received).toEqual([]);
  });

  it('knows private addresses from public ones', () => {
    const hidden = [
      '0.0.0.0',
      '10.0.0.1',
      '100.64.0.1',
      '127.9.9.9',
      '169.254.169.254',
      '172.31.0.1',
      '192.168.1.1',
    ];
    for (const address of [
      ...hidden,
      '::1',
      '::',
      'fd00::1',
      'fe80::1',
      '::ffff:10.0.0.1',
      '64:ff9b::a00:1',
      '224.0.0.1',
    ])
      expect(isPrivate(address), address).toBe(true);
    for (const address of ['1.1.1.1', '172.32.0.1', '192.169.0.1', '2606:4700::1111'])
      expect(isPrivate(address), address).toBe(false);
  });
});
