import type { Logger } from '../../ports/logger.ts';
import type { NotificationSender } from '../../ports/notificationSender.ts';
import type { Templates } from './templates.ts';

/** Says in the log what a customer would be told: for shops that have no other channel yet. */
export const createLogSender = (templates: Templates, logger: Logger): NotificationSender => ({
  send: async ({ idempotencyKey, orderId, template, recipient, values }) => {
    const { subject } = templates.render(template, values);
    logger.info({ notificationId: idempotencyKey, orderId, template, recipient }, `notification: ${subject}`);
  },
  close: async () => undefined,
});
