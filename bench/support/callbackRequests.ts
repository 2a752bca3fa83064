import { createHmac } from 'node:crypto';

const key = Buffer.alloc(32, 7);

/** The sender of the callbacks, as the service is configured for it. */
export const callbackProvider = 'bench';
export const callbackSecrets = `${callbackProvider}:whsec_${key.toString('base64')}`;

/** The orders that callbacks are about: number `n` of those that were stored before. */
export const numberedOrderId = (n: number): string => `order-${String(n).padStart(10, '0')}`;

/** The total of the orders that the benchmarks place. */
const amount = 2598;

/** A capture of an order, signed now, as one HTTP request after the given lines. */
export const callbackRequest = (head: string, orderId: string): string => {
  const data = { orderId, paymentId: `pay-${orderId}`, amount, currency: 'EUR' };
  const body = JSON.stringify({ type: 'payment.captured', data });
  const [id, timestamp] = [`msg_${orderId}`, Math.floor(Date.now() / 1000)];
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return (
    `${head}Content-Length: ${body.length}\r\nwebhook-id: ${id}\r\nwebhook-timestamp: ${timestamp}\r\n` +
    `webhook-signature: v1,${signature}\r\n\r\n${body}`
  );
};
