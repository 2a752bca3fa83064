import type { Notification } from '../../domain/notifications/notification.ts';
import type { NotificationItem, NotificationService } from '../../ports/notificationService.ts';
import type { Stores } from '../../ports/stores.ts';
import { readState } from '../commands/readState.ts';
import { notificationModel } from './notificationModel.ts';

export const notificationService = (stores: Pick<Stores, 'events' | 'snapshots'>): NotificationService => ({
  ofOrder: async (tenant, orderId) => {
    const { state } = await readState(notificationModel, stores, tenant, orderId);
    return [...state.byId.values()].map((notification) => itemOf(orderId, notification));
  },
});

const itemOf = (orderId: string, notification: Notification): NotificationItem => {
  const { id, template, status, route, failures, error, requestedAt, sentAt } = notification;
  return { id, orderId, template, status, ...route, failedAttempts: failures, error, requestedAt, sentAt };
};
