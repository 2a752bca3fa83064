import { type EvenPace, evenPace } from '../evenPace.ts';
import type { OrderNews } from './orderNews.ts';
import { type Fate, type OrderPlan, planOrder } from './orderPlans.ts';
import type { PaymentProvider } from './paymentProvider.ts';
import type { PersistentClient } from './persistentClient.ts';

/** Orders that are placed at an even pace, each of which lives a life of its own. */
export interface OrderLives extends EvenPace {
  /** Every order that was answered with 201, by its id. */
  readonly placed: ReadonlyMap<string, OrderPlan>;
  /** Answers that nobody should get, a sentence each. */
  readonly surprises: readonly string[];
  /** Asks for the money of an order that is over once more, and says whether that was accepted. */
  askBack(orderId: string): Promise<boolean>;
}

interface LivedOrder {
  readonly id: string;
  readonly total: number;
}

/** Lives that are not over; beyond them the pace is missed. Most of them wait for a context that was killed. */
const mostUnderWay = 25_000;

export interface LifeParts {
  readonly client: PersistentClient;
  readonly provider: PaymentProvider;
  readonly news: OrderNews;
}

export const orderLives = (
  { client, provider, news }: LifeParts,
  { perSecond, random }: { readonly perSecond: number; readonly random: () => number },
): OrderLives => {
  const placed = new Map<string, OrderPlan>();
  const surprises: string[] = [];

  /** Null when it was refused as out of place, which happens to who comes too late. */
  const post = async (path: string, body: object, status: number): Promise<LivedOrder | null> => {
    const key = crypto.randomUUID();
    const answer = await client.send(() => ({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
    }));
    if (answer.status === status) return answer.json as LivedOrder;
    if (answer.status !== 409) surprises.push(`${path}: ${answer.status} ${answer.text}`);
    return null;
  };
  const command = (order: LivedOrder, name: string, body: object = {}, status = 200) =>
    post(`/v1/orders/${order.id}/${name}`, body, status);

  const isShipped = async (order: LivedOrder): Promise<boolean> => {
    if ((await news.decided(order.id)) !== 'confirmed') return false;
    return (await command(order, 'ship', { carrier: 'Post', trackingNumber: order.id })) !== null;
  };
  const isDelivered = async (order: LivedOrder): Promise<boolean> =>
    (await isShipped(order)) && (await command(order, 'deliver')) !== null;

  const lives: Readonly<Record<Fate, (order: LivedOrder, plan: OrderPlan) => Promise<unknown>>> = {
    delivered: async (order, { reports }) => {
      await provider.capture(order, reports);
      await isDelivered(order);
    },
    returned: async (order, { reports }) => {
      await provider.capture(order, reports);
      if (await isDelivered(order))
        await command(order, 'refund', { amount: Math.ceil(order.total / 2) }, 202);
    },
    shipped: async (order, { reports }) => {
      await provider.capture(order, reports);
      await isShipped(order);
    },
    confirmed: (order, { reports }) => provider.capture(order, reports),
    paidTwice: async (order, { reports }) => {
      await Promise.all([provider.capture(order, reports), provider.capture(order, 1, `again-${order.id}`)]);
      await isDelivered(order);
    },
    paidLater: async (order, { reports }) => {
      await provider.fail(order);
      await provider.capture(order, reports);
      await isDelivered(order);
    },
    cancelled: (order) => command(order, 'cancel'),
    cancelledThenPaid: async (order, { reports }) => {
      await command(order, 'cancel');
      await provider.capture(order, reports);
    },
    paidThenCancelled: async (order, { reports }) => {
      await provider.capture(order, reports);
      await command(order, 'cancel');
    },
    paidAndCancelled: (order) => Promise.all([provider.capture(order), command(order, 'cancel')]),
    failed: (order) => provider.fail(order),
    unpaid: async () => undefined,
  };

  const live = async (): Promise<void> => {
    const plan = planOrder(random);
    const { customer: customerId, lines, fate } = plan;
    const order = await post('/v1/orders', { customerId, currency: 'EUR', lines }, 201);
    if (order === null) return;
    placed.set(order.id, plan);
    await lives[fate](order, plan);
  };

  return {
    ...evenPace({ perSecond, mostUnderWay, start: live }),
    placed,
    surprises,
    askBack: async (id) => (await post(`/v1/orders/${id}/refund`, {}, 202)) !== null,
  };
};
