import { captured, failed, refundFact, secretOf, signedHeaders } from '../../support/webhooks.ts';
import type { RefundRequest } from './orderNews.ts';
import type { PersistentClient } from './persistentClient.ts';

interface Payable {
  readonly id: string;
  readonly total: number;
}

/** Reports what it did by signed callbacks, each until it is accepted. */
export interface PaymentProvider {
  /** The money of an order, `times` times with one id. A second payment of an order has another name. */
  capture(order: Payable, times?: number, payment?: string): Promise<void>;
  fail(order: Payable): Promise<void>;
  /** Pays back, or says that it cannot. */
  payBack(request: RefundRequest): Promise<void>;
  /** What was taken, by order. */
  taken(orderId: string): number;
  /** Callbacks that were not accepted, a sentence each. */
  readonly refused: readonly string[];
  /** From now on no refund fails. */
  beKind(): void;
}

export const providerName = 'acme';
export const providerSecret = secretOf(providerName);

/** Of a hundred refunds. */
const failing = 10;

export const paymentProvider = (client: PersistentClient, random: () => number): PaymentProvider => {
  const payments = new Map<string, Map<string, number>>();
  const refused: string[] = [];
  let kind = false;

  const report = async (id: string, fact: object): Promise<void> => {
    const body = JSON.stringify(fact);
    const answer = await client.send(() => ({
      method: 'POST',
      path: `/v1/callbacks/${providerName}`,
      headers: signedHeaders(body, { id, secret: providerSecret }),
      body,
    }));
    if (answer.status !== 202) refused.push(`${body}: ${answer.status} ${answer.text}`);
  };

  return {
    capture: async (order, times = 1, paymentId = `pay-${order.id}`) => {
      const ofOrder = payments.get(order.id) ?? new Map<string, number>();
      payments.set(order.id, ofOrder.set(paymentId, order.total));
      const fact = captured(order, { paymentId });
      await Promise.all(Array.from({ length: times }, () => report(`${paymentId}-captured`, fact)));
    },
    fail: (order) => report(`pay-${order.id}-failed`, failed(order, { paymentId: `try-${order.id}` })),
    payBack: ({ orderId, refundId, amount }) => {
      const type = !kind && random() * 100 < failing ? 'refund.failed' : 'refund.completed';
      return report(`${refundId}-answer`, refundFact(type, { id: orderId }, refundId, amount));
    },
    taken: (orderId) => [...(payments.get(orderId)?.values() ?? [])].reduce((sum, amount) => sum + amount, 0),
    refused,
    beKind: () => {
      kind = true;
    },
  };
};
