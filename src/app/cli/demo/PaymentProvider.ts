import { createHmac } from 'node:crypto';
import type { Answer, DemoClient } from './DemoClient.ts';

/** A sender of callbacks that the service knows: its name there, and the secret that both share. */
export interface ProviderKey {
  readonly provider: string;
  /** `whsec_` and the key in base64. */
  readonly secret: string;
}

/** The first entry of `CALLBACK_SECRETS`, as the service reads it; undefined when there is none that can be used. */
export const providerKeyIn = (secrets: string | undefined): ProviderKey | undefined => {
  const [, provider, secret] = /^([^:,\s]+):(whsec_[A-Za-z0-9+/=]+)/.exec(secrets?.trim() ?? '') ?? [];
  return provider === undefined || secret === undefined ? undefined : { provider, secret };
};

/** What a payment provider reports of an order. Amounts are minor units. */
export interface Report {
  readonly type: 'payment.captured' | 'payment.failed' | 'refund.completed';
  readonly orderId: string;
  readonly paymentId: string;
  readonly refundId?: string;
  readonly amount: number;
  readonly currency: string;
  readonly reason?: string;
}

/** Plays the payment provider of a demo: reports by callbacks, signed as Standard Webhooks have it. */
export const paymentProvider = (client: DemoClient, { provider, secret }: ProviderKey) => {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return {
    /** The same id again is the same report. */
    report: (id: string, { type, ...data }: Report): Promise<Answer> => {
      const body = JSON.stringify({ type, data });
      const timestamp = String(Math.floor(Date.now() / 1000));
      const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
      return client.send('POST', `/v1/callbacks/${provider}`, body, {
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      });
    },
  };
};

export type PaymentProvider = ReturnType<typeof paymentProvider>;
