import type { EventReader } from '../../ports/eventStore.ts';
import type { OrderOutcome, OrderRequest, OrderService } from '../../ports/orderService.ts';
import type { OrderViewReader } from '../../ports/orderViews.ts';
import type { WritePipeline } from '../commands/WritePipeline.ts';
import type { Session } from '../commands/work.ts';
import { sourceOf } from '../messaging/envelope.ts';
import { foldOrder, publicHistory, readOrderFeed } from './orderHistory.ts';
import { documentOf, orderModel, orderStream } from './orderModel.ts';
import { expiryTask, type PaymentDeadline } from './paymentDeadline.ts';

export interface OrderServiceParts {
  readonly pipeline: WritePipeline;
  readonly events: EventReader;
  readonly views: OrderViewReader;
  /** Orders wait for their money for ever where there is none. */
  readonly paymentDeadline?: PaymentDeadline;
  readonly waiters: {
    waitFor(tenant: string, source: string, sequence: number, timeoutMs: number): Promise<boolean>;
  };
}

export const orderService = ({
  pipeline,
  events,
  views,
  waiters,
  paymentDeadline,
}: OrderServiceParts): OrderService => ({
  submit: (request) =>
    pipeline.submit({
      cause: request.cause,
      streams: [orderStream(request.orderId)],
      bytes: request.bytes ?? 0,
      run: (session) => runOrderCommand(session, request, paymentDeadline),
      ...(request.repeatable === undefined ? {} : { repeatable: request.repeatable }),
    }),
  published: async (tenant, wrote, timeoutMs) =>
    wrote !== null && waiters.waitFor(tenant, sourceOf(wrote.stream), wrote.sequence, timeoutMs),
  get: (tenant, orderId) => views.get(tenant, orderId),
  getAt: async (tenant, orderId, version) => {
    const history = await events.readStream({ tenant, stream: orderStream(orderId) }, version);
    return history.at(-1)?.version === version ? documentOf(orderId, version, foldOrder(history)) : undefined;
  },
  list: (query) => views.list(query),
  history: async (tenant, orderId) => {
    const history = await events.readStream({ tenant, stream: orderStream(orderId) });
    return history.length === 0 ? undefined : publicHistory(history);
  },
  feed: (tenant, after, limit) => readOrderFeed(events, tenant, after, limit),
  lastPosition: () => events.lastPosition(),
});

const runOrderCommand = (
  session: Session,
  { orderId, command, ifMatch }: OrderRequest,
  deadline: PaymentDeadline | undefined,
): OrderOutcome => {
  if (command.type !== 'PlaceOrder') {
    const { version } = session.load(orderModel, orderId);
    if (version === 0) return { kind: 'not_found' };
    if (ifMatch !== undefined && !ifMatch.includes(version))
      return { kind: 'version_mismatch', actual: version };
  }
  const decision = session.execute(orderModel, orderId, command);
  if (!decision.ok) return { kind: 'refused', error: decision.error };
  if (command.type === 'PlaceOrder' && deadline !== undefined)
    session.send(expiryTask(deadline, orderId, command.at));
  const { state, version } = session.load(orderModel, orderId);
  return { kind: 'accepted', order: documentOf(orderId, version, state) };
};
