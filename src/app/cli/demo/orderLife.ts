import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, DemoClient } from './DemoClient.ts';
import type { PaymentProvider } from './PaymentProvider.ts';

export interface LivedOrder {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly stock: string;
  readonly payment: string;
  readonly cancelReason: string | null;
  readonly currency: string;
  readonly total: number;
}

export interface LifeParts {
  readonly client: DemoClient;
  readonly provider: PaymentProvider;
  /** Makes keys and ids of this run. */
  readonly run: string;
  /** A client's command: its answer is checked, and its version expected in the event stream. */
  readonly command: (
    what: string,
    path: string,
    key: string,
    body: object,
    status: number,
  ) => Promise<boolean>;
  readonly surprise: (what: string) => void;
}

/** One order in so many goes another way than from payment to delivery. */
const every = {
  unpaid: 23,
  failedFirst: 9,
  reportedTwice: 6,
  onlyConfirmed: 11,
  onlyShipped: 13,
  refunded: 7,
};

const decidedWithinMs = 20_000;

/** What happens to an order after it was placed: it is paid, shipped, delivered, and some of it is paid back. */
export const liveOn = async (parts: LifeParts, number: number, id: string): Promise<void> => {
  const { command, run } = parts;
  if (number % every.unpaid === 0) return;
  await pay(parts, number, await orderOf(parts, id));
  const paid = await decided(parts, id);
  if (paid.payment === 'refund_pending') return answerRefund(parts, number, paid);
  if (paid.status !== 'confirmed' || number % every.onlyConfirmed === 0) return;
  const shipping = { carrier: 'Demo Parcel', trackingNumber: `${run}-${number}` };
  if (!(await command('ship', `/v1/orders/${id}/ship`, `${run}-ship-${number}`, shipping, 200))) return;
  if (number % every.onlyShipped === 0) return;
  if (!(await command('deliver', `/v1/orders/${id}/deliver`, `${run}-deliver-${number}`, {}, 200))) return;
  if (number % every.refunded === 0 && paid.total > 0) await payBack(parts, number, paid);
};

const pay = async (parts: LifeParts, number: number, order: LivedOrder): Promise<void> => {
  const { run } = parts;
  const { id: orderId, total: amount, currency } = order;
  const paymentId = `${run}-payment-${number}`;
  if (number % every.failedFirst === 0) {
    const failed = { orderId, paymentId: `${paymentId}-declined`, amount, currency, reason: 'card declined' };
    await report(parts, `${run}-declined-${number}`, { type: 'payment.failed', ...failed });
  }
  const times = number % every.reportedTwice === 0 ? 2 : 1;
  for (let time = 0; time < times; time += 1) {
    const captured = { type: 'payment.captured', orderId, paymentId, amount, currency } as const;
    await report(parts, `${run}-captured-${number}`, captured);
  }
};

/** Half of it. */
const payBack = async (parts: LifeParts, number: number, order: LivedOrder): Promise<void> => {
  const { command, run } = parts;
  const asked = { amount: Math.ceil(order.total / 2), reason: 'half of it was broken' };
  const path = `/v1/orders/${order.id}/refund`;
  if (await command('refund', path, `${run}-refund-${number}`, asked, 202))
    await answerRefund(parts, number, order);
};

/** The provider answers under the id by which the order asked. */
const answerRefund = async (parts: LifeParts, number: number, order: LivedOrder): Promise<void> => {
  const { client, run, surprise } = parts;
  const { id: orderId, currency } = order;
  const history = JSON.parse((await client.get(`/v1/orders/${orderId}/events`)).body) as {
    readonly items: readonly { readonly type: string; readonly data: Partial<RefundRequest> }[];
  };
  const asked = history.items.findLast(({ type }) => type === 'orderflow.order.refund-requested.v1')?.data;
  if (asked?.refundId === undefined || asked.amount === undefined)
    return surprise('a refund that was asked for is not in the history of its order');
  const paymentId = `${run}-payment-${number}`;
  const { refundId, amount } = asked;
  const completed = { type: 'refund.completed', orderId, paymentId, refundId, amount, currency } as const;
  return report(parts, `${run}-refunded-${number}`, completed);
};

interface RefundRequest {
  readonly refundId: string;
  readonly amount: number;
}

const report = async (
  { provider, surprise }: LifeParts,
  ...reported: Parameters<PaymentProvider['report']>
): Promise<void> => {
  const answer = await provider.report(...reported);
  if (answer.status !== 202) surprise(`callback ${reported[1].type}: ${told(answer)}`);
};

/** The order once stock and payment have spoken. */
const decided = async (parts: LifeParts, id: string): Promise<LivedOrder> => {
  const giveUpAt = performance.now() + decidedWithinMs;
  for (;;) {
    const order = await orderOf(parts, id);
    if (order.status !== 'pending') return order;
    if (performance.now() > giveUpAt) {
      parts.surprise(`order ${id} is paid and still pending after ${decidedWithinMs / 1_000} s`);
      return order;
    }
    await sleep(25);
  }
};

export const orderOf = async ({ client }: Pick<LifeParts, 'client'>, id: string): Promise<LivedOrder> => {
  const answer = await client.get(`/v1/orders/${id}`);
  if (answer.status !== 200) throw new Error(`GET of an accepted order: ${told(answer)}`);
  return JSON.parse(answer.body) as LivedOrder;
};

const told = ({ status, body }: Answer): string => `${status} ${body.slice(0, 200)}`;
