import { type Contact, noticeFor } from '../../domain/notifications/notices.ts';
import {
  type Attempt,
  type Channel,
  nextAttempt,
  type Route,
} from '../../domain/notifications/notification.ts';
import type { Clock } from '../../ports/clock.ts';
import { type NotificationSender, SendRefused } from '../../ports/notificationSender.ts';
import type { Stores } from '../../ports/stores.ts';
import { readState } from '../commands/readState.ts';
import type { Session, Task } from '../commands/work.ts';
import type { IncomingMessage } from '../messaging/consume/incomingMessage.ts';
import { memberOf, textIn, wholeNumberIn } from '../messaging/consume/messageData.ts';
import type { MessageHandler } from '../messaging/consume/messageHandler.ts';
import { notificationModel, notificationStream } from './notificationModel.ts';

export interface NotificationConsumerParts {
  readonly queue: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly stores: Pick<Stores, 'events' | 'snapshots'>;
  /** In the order in which they are tried. */
  readonly channels: readonly Channel[];
  /** What happened longer ago is no news: a consumer may be handed years of history. */
  readonly maxAgeMs: number;
  readonly senders: Readonly<Partial<Record<Channel, NotificationSender>>>;
}

const sendTask = 'orderflow.task.send-notification.v1';

/** What came of one attempt to send; undefined when nothing was to be sent. */
type Attempted =
  | { readonly sent: true; readonly route: Route }
  | { readonly sent: false; readonly error: string; readonly forGood: boolean }
  | undefined;

/**
 * What happens to an order is told to its customer. That somebody is to be told is recorded with the message's gate;
 * sending is a task of its own, which comes back through this very queue. It is done before its transaction, so a
 * crash in between repeats it, with the same idempotency key.
 */
export const notificationConsumer = (parts: NotificationConsumerParts): MessageHandler => ({
  consumer: 'notifications',
  queue: parts.queue,
  streams: (message) => {
    const orderId = orderIdOf(message);
    return orderId === null ? [] : [notificationStream(orderId)];
  },
  prepare: (message, signal) => (message.type === sendTask ? attempt(parts, message, signal) : undefined),
  handle: (session, message, prepared) => {
    const orderId = orderIdOf(message);
    if (orderId === null) return;
    if (message.type === sendTask) record(session, parts, orderId, message, prepared as Attempted);
    else tell(session, parts, orderId, message);
  },
});

/** Null for a message that is about no order. */
const orderIdOf = (message: IncomingMessage): string | null => {
  if (message.type === 'orderflow.order.placed.v1') return textIn(message, 'id');
  return message.type === sendTask || message.type.startsWith('orderflow.order.')
    ? textIn(message, 'orderId')
    : null;
};

const tell = (
  session: Session,
  parts: NotificationConsumerParts,
  orderId: string,
  message: IncomingMessage,
): void => {
  const at = message.time;
  if (message.type === 'orderflow.order.placed.v1') {
    session.execute(notificationModel, orderId, { type: 'NoteContact', at, ...contactIn(message) });
    return;
  }
  const { contact } = session.load(notificationModel, orderId).state;
  if (contact === null || parts.clock.now() - Date.parse(at) > parts.maxAgeMs) return;
  const data = (message.data ?? {}) as Readonly<Record<string, unknown>>;
  const notice = noticeFor({ orderId, type: message.type, data }, contact);
  const routes = routesTo(contact, parts.channels);
  if (notice === null || routes.length === 0) return;
  const request = { type: 'RequestNotification', at, notificationId: message.id, ...notice, routes } as const;
  session.execute(notificationModel, orderId, request);
  sendNext(session, parts, orderId, message.id);
};

const contactIn = (message: IncomingMessage): Contact => {
  const email = memberOf(memberOf(message.data, 'metadata'), 'email');
  return { customerId: textIn(message, 'customerId'), email: typeof email === 'string' ? email : null };
};

/** The channels that reach this customer. */
const routesTo = ({ customerId, email }: Contact, channels: readonly Channel[]): readonly Route[] =>
  channels.flatMap((channel) => {
    const recipient = channel === 'email' ? email : customerId;
    return recipient === null ? [] : [{ channel, recipient }];
  });

/** Schedules the next attempt of a notification that is not settled. */
const sendNext = (
  session: Session,
  { queue, clock }: NotificationConsumerParts,
  orderId: string,
  notificationId: string,
): void => {
  const notification = session.load(notificationModel, orderId).state.byId.get(notificationId);
  const next = notification && nextAttempt(notification);
  if (!notification || !next) return;
  session.send(taskFor(queue, clock.now(), orderId, notificationId, next));
};

/** Whom it goes to and what it says is read from the state: a broker need not see either. */
const taskFor = (
  queue: string,
  now: number,
  orderId: string,
  notificationId: string,
  { attempt, delayMs }: Attempt,
): Task => ({
  id: `${notificationId}-${attempt}`,
  queue,
  type: sendTask,
  data: { orderId, notificationId, attempt },
  time: new Date(now).toISOString(),
  dueAt: delayMs === 0 ? 0 : now + delayMs,
});

const attempt = async (
  { senders, stores }: NotificationConsumerParts,
  message: IncomingMessage,
  signal: AbortSignal,
): Promise<Attempted> => {
  const orderId = textIn(message, 'orderId');
  const notificationId = textIn(message, 'notificationId');
  const { state } = await readState(notificationModel, stores, message.tenant, orderId);
  const notification = state.byId.get(notificationId);
  const next = notification && nextAttempt(notification);
  // This very attempt was made before, and its outcome is known: the task came again.
  if (!notification || next?.attempt !== wholeNumberIn(message, 'attempt', 1)) return undefined;
  const { channel, recipient } = next;
  const sender = senders[channel];
  if (sender === undefined)
    return { sent: false, error: `the channel ${channel} is not configured`, forGood: true };
  const { template, values } = notification;
  try {
    await sender.send({ idempotencyKey: notificationId, orderId, template, recipient, values }, signal);
    return { sent: true, route: { channel, recipient } };
  } catch (failure) {
    const error = failure instanceof Error ? failure.message : String(failure);
    return { sent: false, error, forGood: failure instanceof SendRefused };
  }
};

const record = (
  session: Session,
  parts: NotificationConsumerParts,
  orderId: string,
  message: IncomingMessage,
  attempted: Attempted,
): void => {
  if (attempted === undefined) return;
  const at = new Date(parts.clock.now()).toISOString();
  const notificationId = textIn(message, 'notificationId');
  if (attempted.sent) {
    const { route } = attempted;
    session.execute(notificationModel, orderId, { type: 'RecordSent', at, notificationId, ...route });
    return;
  }
  const { error, forGood } = attempted;
  const number = wholeNumberIn(message, 'attempt', 1);
  const failed = {
    type: 'RecordAttemptFailed',
    at,
    notificationId,
    attempt: number,
    error,
    forGood,
  } as const;
  session.execute(notificationModel, orderId, failed);
  sendNext(session, parts, orderId, notificationId);
};
