import { getCallback, listCallbacks } from './callbackReads.ts';
import { receiveCallback } from './callbacks/receiveCallback.ts';
import {
  cancelRedriveJob,
  discardDeadLetters,
  getDeadLetter,
  getRedriveJob,
  listDeadLetters,
  redriveDeadLetters,
} from './deadLetters.ts';
import type { Handler } from './Exchange.ts';
import { streamEvents } from './eventStream.ts';
import { livez, readyz } from './health.ts';
import { listHeld } from './heldMessages.ts';
import { getLoyalty } from './loyalty.ts';
import { listNotifications } from './notifications.ts';
import { getOutbox, listActions, pauseRelay, resumeRelay, retryOutbox } from './operations.ts';
import { getHistory, getOrder, listOrders } from './orderReads.ts';
import { cancelOrder, deliverOrder, placeOrder, refundOrder, shipOrder } from './orderWrites.ts';
import { cancelReplay, getReplay, startReplay } from './replays.ts';
import { getStock, putStock } from './stock.ts';

export interface Route {
  readonly path: string;
  /** GET serves HEAD too. Any other method is 405. */
  readonly methods: { readonly GET?: Handler; readonly POST?: Handler; readonly PUT?: Handler };
}

/** Every call of the API on one screen. The busiest paths come first: routes are tried from top to bottom. */
export const routes: readonly Route[] = [
  { path: '/v1/orders', methods: { GET: listOrders, POST: placeOrder } },
  { path: '/v1/orders/:id', methods: { GET: getOrder } },
  { path: '/v1/orders/:id/events', methods: { GET: getHistory } },
  { path: '/v1/orders/:id/cancel', methods: { POST: cancelOrder } },
  { path: '/v1/orders/:id/ship', methods: { POST: shipOrder } },
  { path: '/v1/orders/:id/deliver', methods: { POST: deliverOrder } },
  { path: '/v1/orders/:id/refund', methods: { POST: refundOrder } },
  { path: '/v1/stock/:sku', methods: { GET: getStock, PUT: putStock } },
  { path: '/v1/callbacks/:provider', methods: { POST: receiveCallback } },
  { path: '/v1/events', methods: { GET: streamEvents } },
  { path: '/v1/notifications', methods: { GET: listNotifications } },
  { path: '/v1/loyalty/:customerId', methods: { GET: getLoyalty } },
  { path: '/v1/admin/dead-letters', methods: { GET: listDeadLetters } },
  { path: '/v1/admin/dead-letters/redrive', methods: { POST: redriveDeadLetters } },
  { path: '/v1/admin/dead-letters/discard', methods: { POST: discardDeadLetters } },
  { path: '/v1/admin/redrive-jobs/:id', methods: { GET: getRedriveJob } },
  { path: '/v1/admin/redrive-jobs/:id/cancel', methods: { POST: cancelRedriveJob } },
  { path: '/v1/admin/dead-letters/:id', methods: { GET: getDeadLetter } },
  { path: '/v1/admin/callbacks', methods: { GET: listCallbacks } },
  { path: '/v1/admin/callbacks/:id', methods: { GET: getCallback } },
  { path: '/v1/admin/held', methods: { GET: listHeld } },
  { path: '/v1/admin/outbox', methods: { GET: getOutbox } },
  { path: '/v1/admin/outbox/retry', methods: { POST: retryOutbox } },
  { path: '/v1/admin/relay/pause', methods: { POST: pauseRelay } },
  { path: '/v1/admin/relay/resume', methods: { POST: resumeRelay } },
  { path: '/v1/admin/replay', methods: { POST: startReplay } },
  { path: '/v1/admin/replays/:id', methods: { GET: getReplay } },
  { path: '/v1/admin/replays/:id/cancel', methods: { POST: cancelReplay } },
  { path: '/v1/admin/actions', methods: { GET: listActions } },
  { path: '/livez', methods: { GET: livez } },
  { path: '/readyz', methods: { GET: readyz } },
];
