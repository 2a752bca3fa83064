import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';
import { createSmtpSender } from '../../../src/adapters/notifications/SmtpSender.ts';
import type { Templates } from '../../../src/adapters/notifications/templates.ts';
import { type NotificationSender, SendRefused } from '../../../src/ports/notificationSender.ts';

const templates: Templates = {
  render: (_template, { orderId = '' }) => ({
    subject: `Order ${orderId}`,
    text: `Text of ${orderId}`,
    html: '<p>Hällo</p>',
  }),
};
const notification = {
  idempotencyKey: 'n-1',
  orderId: 'o-1',
  template: 'order-confirmed',
  recipient: 'ann@shop.example',
  values: { orderId: 'o-1' },
};
const never = new AbortController().signal;

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A real mail server; what it took, envelope and text. */
const startServer = async (options: SMTPServerOptions = {}) => {
  const received: { readonly to: readonly string[]; readonly mail: string }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, session, done) => {
      let mail = '';
      stream.on('data', (chunk: Buffer) => {
        mail += chunk.toString();
      });
      stream.on('end', () => {
        received.push({ to: session.envelope.rcptTo.map(({ address }) => address), mail });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => undefined); // a client that hangs up is part of the tests
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, received };
};

const senderTo = (url: string, timeoutMs = 5_000): NotificationSender => {
  const sender = createSmtpSender(
    { url, from: 'Shop <shop@shop.example>', timeoutMs, maxConnections: 5 },
    templates,
  );
  open.push(() => sender.close());
  return sender;
};

describe('the SMTP sender', () => {
  it('sends text and HTML to one recipient, with the idempotency key as Message-ID', async () => {
    const { port, received } = await startServer();
    await senderTo(`smtp://127.0.0.1:${port}?tls=none`).send(notification, never);
    expect(received).toHaveLength(1);
    const [{ to, mail } = { to: [], mail: '' }] = received;
    expect(to).toEqual(['ann@shop.example']);
    expect(mail).toContain('Message-ID: <n-1@orderflow>');
    expect(mail).toContain('Idempotency-Key: n-1');
    expect(mail).toContain('Subject: Order o-1');
    expect(mail).toContain('Text of o-1');
    expect(mail).toContain('<p>H=C3=A4llo</p>');
  });

  it('logs in with the name and password of the URL, percent-encoded as they may be', async () => {
    const logins: unknown[] = [];
    const { port, received } = await startServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) => {
        logins.push([username, password]);
        done(null, { user: username });
      },
    });
    await senderTo(`smtp://shop%40x:p%3Ass@127.0.0.1:${port}?tls=none`).send(notification, never);
    expect(logins).toEqual([['shop@x', 'p:ss']]);
    expect(received).toHaveLength(1);
  });

  it.each([
    'nobody',
    'a@b@c',
    'a@x.example, b@x.example',
    'a@x.example\r\nBcc: b@x.example',
    '<a@x.example>',
    'Ann <a@x.example>',
    '',
    `${'a'.repeat(65)}@x.example`,
  ])(
    'refuses the address %j for good: it may not become another recipient or a header',
    async (recipient) => {
      const { port, received } = await startServer();
      const sent = senderTo(`smtp://127.0.0.1:${port}?tls=none`).send({ ...notification, recipient }, never);
      await expect(sent).rejects.toBeInstanceOf(SendRefused);
      expect(received).toEqual([]);
    },
  );

  it('tells a recipient that the server refuses for good from one that it refuses for now', async () => {
    let code = 550;
    const { port } = await startServer({
      onRcptTo: (_address, _session, done) => done(Object.assign(new Error('no'), { responseCode: code })),
    });
    const sender = senderTo(`smtp://127.0.0.1:${port}?tls=none`);
    await expect(sender.send(notification, never)).rejects.toBeInstanceOf(SendRefused);
    code = 451;
    await expect(sender.send(notification, never)).rejects.not.toBeInstanceOf(SendRefused);
  });

  it('says why it could not, and nothing of the password', async () => {
    const { port } = await startServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => done(new Error('wrong')),
    });
    const sent = senderTo(`smtp://shop:top-secret@127.0.0.1:${port}?tls=none`).send(notification, never);
    const failure = await sent.catch((error: Error) => error);
    expect(String(failure)).toContain('mail was not accepted: EAUTH');
    expect(String(failure)).not.toContain('top-secret');
  });

  it('does not send in the clear unless it is told to', async () => {
    const { port, received } = await startServer();
    await expect(senderTo(`smtp://127.0.0.1:${port}`).send(notification, never)).rejects.toThrow(
      'mail was not',
    );
    expect(received).toEqual([]);
  });

  it('gives up on a server that is away, or never says a word', async () => {
    const { port } = await startServer({ onConnect: () => undefined });
    const hanging = senderTo(`smtp://127.0.0.1:${port}?tls=none`, 200);
    await expect(hanging.send(notification, never)).rejects.toThrow('mail was not accepted: ETIMEDOUT');
    await expect(senderTo('smtp://127.0.0.1:1?tls=none').send(notification, never)).rejects.toThrow(
      /ESOCKET|ECONN/,
    );
  });
});
