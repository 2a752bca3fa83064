import type { Aggregate } from '../shared/aggregate.ts';
import { eventShapes } from '../shared/eventShapes.ts';
import {
  decideNotifications,
  evolveNotifications,
  type NotificationCommand,
  type NotificationEvent,
  type Notifications,
  noNotifications,
} from './notification.ts';

/** The public name of every event that has one; also its routing key. */
const names: Readonly<Record<NotificationEvent['type'], string | null>> = {
  ContactNoted: null,
  NotificationRequested: 'notification.requested',
  AttemptFailed: null,
  NotificationSent: 'notification.sent',
  NotificationFailed: 'notification.failed',
};

/** What an order's customer is told: streams `notifications/<order id>`. Addresses are nobody else's business. */
export const notificationAggregate: Aggregate<NotificationCommand, NotificationEvent, Notifications> = {
  category: 'notifications',
  decider: { initial: noNotifications, decide: decideNotifications, evolve: evolveNotifications },
  ...eventShapes<NotificationEvent>({
    ContactNoted: 1,
    NotificationRequested: 1,
    AttemptFailed: 1,
    NotificationSent: 1,
    NotificationFailed: 1,
  }),
  isPublic: (type) => names[type] !== null,
  toPublic: (event, after, orderId) => {
    const name = names[event.type];
    if (name === null || event.type === 'ContactNoted' || event.type === 'AttemptFailed')
      throw new Error(`${event.type} is not public`);
    const { notificationId } = event.data;
    const notification = after.byId.get(notificationId);
    if (notification === undefined) throw new Error('a notification event leaves a notification behind');
    const { template, route } = notification;
    const error = event.type === 'NotificationFailed' ? { error: event.data.error } : {};
    return { name, data: { orderId, notificationId, template, channel: route.channel, ...error } };
  },
};
