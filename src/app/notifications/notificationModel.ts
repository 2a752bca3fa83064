import type {
  NotificationCommand,
  NotificationEvent,
  Notifications,
} from '../../domain/notifications/notification.ts';
import { notificationAggregate } from '../../domain/notifications/notificationAggregate.ts';
import type { WriteModel } from '../commands/work.ts';

export const notificationModel: WriteModel<NotificationCommand, NotificationEvent, Notifications> = {
  aggregate: notificationAggregate,
};

export const notificationStream = (orderId: string): string => `${notificationAggregate.category}/${orderId}`;
