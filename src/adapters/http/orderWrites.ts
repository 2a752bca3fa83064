import type { z } from 'zod';
import type { OrderCommand } from '../../domain/orders/orderCommands.ts';
import type { Ids } from '../../ports/ids.ts';
import { refuseWhileStopping } from './answer.ts';
import type { Exchange, Handler } from './Exchange.ts';
import { readIdempotencyKey } from './idempotencyKey.ts';
import { cancelBody, deliverBody, placeOrderBody, refundBody, shipBody } from './orderBodies.ts';
import { orderIdOrNone } from './orderIds.ts';
import { readQuery } from './queryParameters.ts';
import { readJsonBody } from './readJsonBody.ts';
import { submitOrderCommand } from './submitOrderCommand.ts';
import { validate } from './validate.ts';

interface Write<Body> {
  /** The last part of the path; empty for placing an order. */
  readonly name: string;
  readonly body: z.ZodType<Body>;
  /** Whether a request without a body counts as `{}`. */
  readonly absentIsEmpty: boolean;
  readonly status: number;
  readonly command: (body: Body, at: string, ids: Ids) => OrderCommand;
}

/** The checks come in the order of the contract; everything after the schema happens with the command. */
const write =
  <Body>({ name, body: schema, absentIsEmpty, status, command }: Write<Body>): Handler =>
  async (exchange: Exchange) => {
    refuseWhileStopping(exchange);
    const key = readIdempotencyKey(exchange.req);
    const json = await readJsonBody(exchange, absentIsEmpty);
    readQuery(exchange.query, {});
    const body = validate(schema, json);
    const { ids, clock } = exchange.edge.deps;
    const isNew = name === '';
    await submitOrderCommand(exchange, {
      key,
      path: isNew ? '/v1/orders' : `/v1/orders/${encodeURIComponent(exchange.params.id ?? '')}/${name}`,
      json,
      orderId: isNew ? ids.next() : orderIdOrNone(exchange.params),
      command: command(body, new Date(clock.now()).toISOString(), ids),
      status,
    });
  };

export const placeOrder = write({
  name: '',
  body: placeOrderBody,
  absentIsEmpty: false,
  status: 201,
  command: ({ customerId, currency, clientReference, lines, shippingAddress, metadata }, at) => ({
    type: 'PlaceOrder',
    at,
    customerId,
    currency,
    clientReference: clientReference ?? null,
    lines,
    shippingAddress: shippingAddress ?? null,
    metadata: metadata ?? {},
  }),
});

export const cancelOrder = write({
  name: 'cancel',
  body: cancelBody,
  absentIsEmpty: true,
  status: 200,
  command: ({ reason }, at, ids) => ({ type: 'CancelOrder', at, note: reason ?? null, refundId: ids.next() }),
});

export const shipOrder = write({
  name: 'ship',
  body: shipBody,
  absentIsEmpty: false,
  status: 200,
  command: ({ carrier, trackingNumber }, at) => ({ type: 'ShipOrder', at, carrier, trackingNumber }),
});

export const deliverOrder = write({
  name: 'deliver',
  body: deliverBody,
  absentIsEmpty: true,
  status: 200,
  command: (_body, at) => ({ type: 'DeliverOrder', at }),
});

export const refundOrder = write({
  name: 'refund',
  body: refundBody,
  absentIsEmpty: true,
  status: 202,
  command: ({ amount, reason }, at, ids) => ({
    type: 'RequestRefund',
    at,
    refundId: ids.next(),
    amount: amount ?? null,
    reason: reason ?? null,
  }),
});
