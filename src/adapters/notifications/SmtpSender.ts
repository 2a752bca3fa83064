import { createTransport } from 'nodemailer';
import { type NotificationSender, SendRefused } from '../../ports/notificationSender.ts';
import type { Templates } from './templates.ts';

export interface SmtpSettings {
  /** `smtp://user:password@host:587` or `smtps://…`: never logged. */
  readonly url: string;
  readonly from: string;
  /** For every step of the conversation. */
  readonly timeoutMs: number;
  readonly maxConnections: number;
}

/** One plain address, so that nothing in it can become a second recipient or a header. */
const address = /^[^\s<>()[\]\\,;:"@]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

/**
 * Sends mail. The idempotency key is the Message-ID, by which mail servers and readers can tell copies; nobody
 * guarantees that they do. A server that takes a mail and does not say so in time may get it once more.
 */
export const createSmtpSender = (
  { url, from, timeoutMs, maxConnections }: SmtpSettings,
  templates: Templates,
): NotificationSender => {
  const transport = createTransport({
    ...smtpOptions(url),
    pool: true,
    maxConnections,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // Templates and values must not make it read files or fetch addresses.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    send: async ({ idempotencyKey, recipient, template, values }) => {
      if (!address.test(recipient)) throw new SendRefused('the order has no usable email address');
      const { subject, text, html } = templates.render(template, values);
      try {
        await transport.sendMail({
          from,
          to: { name: '', address: recipient },
          subject,
          text,
          ...(html === null ? {} : { html }),
          messageId: `<${idempotencyKey}@orderflow>`,
          headers: { 'Idempotency-Key': idempotencyKey },
        });
      } catch (failure) {
        throw explained(failure);
      }
    },
    close: async () => transport.close(),
  };
};

const smtpOptions = (text: string) => {
  const url = new URL(text);
  const secure = url.protocol === 'smtps:';
  const user = decodeURIComponent(url.username);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    // Mail and password go over TLS, unless the operator says otherwise in the URL.
    requireTLS: !secure && url.searchParams.get('tls') !== 'none',
    ignoreTLS: url.searchParams.get('tls') === 'none',
    ...(user === '' ? {} : { auth: { user, pass: decodeURIComponent(url.password) } }),
  };
};

/** What the server said, without what we said to it: that may hold credentials. */
const explained = (failure: unknown): Error => {
  const { responseCode, code } = (failure ?? {}) as { responseCode?: number; code?: string };
  const permanent = responseCode !== undefined && responseCode >= 500 && code === 'EENVELOPE';
  const message = `mail was not accepted: ${code ?? 'unknown'}${responseCode === undefined ? '' : ` (${responseCode})`}`;
  return permanent ? new SendRefused(message, { cause: failure }) : new Error(message, { cause: failure });
};
