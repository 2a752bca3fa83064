import type { Task } from '../commands/work.ts';

/** Orders that are not paid by then are cancelled. */
export interface PaymentDeadline {
  readonly afterMs: number;
  /** The work queue of the orders; its full name. */
  readonly queue: string;
}

export const expireOrder = 'orderflow.task.expire-order.v1';

/**
 * Reminds the orders that a deadline has passed. It waits in the outbox, outside of the order's own sequence, so that it
 * outlives restarts, and nothing waits behind it.
 */
export const expiryTask = ({ afterMs, queue }: PaymentDeadline, orderId: string, placedAt: string): Task => ({
  // Known by the order, so that whoever follows the order finds it.
  id: `expire-${orderId}`,
  queue,
  type: expireOrder,
  data: { orderId },
  time: placedAt,
  dueAt: Date.parse(placedAt) + afterMs,
});
