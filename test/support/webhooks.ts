import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { HttpAnswer, HttpRequest } from './httpClient.ts';

/** Secrets of test senders; each stands for 32 bytes. */
export const secretOf = (name: string): string =>
  `whsec_${Buffer.from(name.padEnd(32, '.').slice(0, 32)).toString('base64')}`;

let sent = 0;
export const freshId = (): string => {
  sent += 1;
  return `msg_${process.pid}_${sent}`;
};

export interface Signing {
  readonly id?: string;
  readonly secret?: string;
  readonly at?: Date;
}

/** Headers as a sender makes them who uses the published `standardwebhooks` package: another program than ours. */
export const signedHeaders = (
  body: string,
  { id = freshId(), secret = secretOf('acme'), at = new Date() }: Signing = {},
) => ({
  'content-type': 'application/json',
  'webhook-id': id,
  'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
  'webhook-signature': new Webhook(secret).sign(id, at, body),
});

/** The same by hand, for what that package would not sign: any id, timestamp and bytes. */
export const signature = (
  id: string,
  timestamp: string,
  body: Buffer | string,
  secret = secretOf('acme'),
): string => {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
};

export const nowSeconds = (): string => String(Math.floor(Date.now() / 1000));

interface Sender {
  send(request: HttpRequest): Promise<HttpAnswer>;
}

/** Sends a callback that is signed as agreed. */
export const sendCallback = (
  { send }: Sender,
  value: unknown,
  { provider = 'acme', ...signing }: Signing & { readonly provider?: string } = {},
): Promise<HttpAnswer> => {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  const headers = signedHeaders(body, signing);
  return send({ method: 'POST', path: `/v1/callbacks/${provider}`, headers, body });
};

interface Placed {
  readonly id: string;
  readonly total: number;
}

export const captured = ({ id, total }: Placed, changes: object = {}) => ({
  type: 'payment.captured',
  data: { orderId: id, paymentId: `pay-${id}`, amount: total, currency: 'EUR', ...changes },
});

export const failed = ({ id, total }: Placed, changes: object = {}) => ({
  type: 'payment.failed',
  data: {
    orderId: id,
    paymentId: `pay-${id}`,
    amount: total,
    currency: 'EUR',
    reason: 'card_declined',
    ...changes,
  },
});

export const refundFact = (
  type: 'refund.completed' | 'refund.failed',
  { id }: Pick<Placed, 'id'>,
  refundId: string,
  amount: number,
) => ({ type, data: { orderId: id, paymentId: `pay-${id}`, refundId, amount, currency: 'EUR' } });
