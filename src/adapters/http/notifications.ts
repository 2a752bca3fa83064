import { z } from 'zod';
import { answer, jsonType, refuseWhileStopping } from './answer.ts';
import type { Exchange } from './Exchange.ts';
import { invalidRequest } from './problems.ts';
import { readQuery } from './queryParameters.ts';

const orderIdParameter = z.string().min(1, 'must name an order').max(64, 'must name an order');

/** `GET /v1/notifications?orderId=`: what the customer of an order was told, and how. */
export const listNotifications = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  const { orderId } = readQuery(exchange.query, { orderId: orderIdParameter });
  if (orderId === undefined) {
    const detail = 'must name the order';
    throw invalidRequest([{ pointer: '#/query/orderId', code: 'missing_parameter', detail }]);
  }
  const items = await exchange.edge.deps.notifications.ofOrder(exchange.tenant, orderId);
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify({ items }));
};
