import { orderflowTopology } from '../../src/app/messaging/topology.ts';
import type { RabbitmqAdmin } from './rabbitmq.ts';
import { stockMessage } from './stockMessages.ts';

/** An inventory service that says of orders that their stock is reserved. */
export interface StockTeller {
  tell(orderId: string): void;
  /** Resolves when the broker has everything that was told; what is not confirmed it may lose. */
  told(): Promise<void>;
}

export const stockTeller = async (admin: RabbitmqAdmin, prefix: string): Promise<StockTeller> => {
  const channel = await admin.connection.createConfirmChannel();
  const exchange = orderflowTopology(prefix).exchangeNames.events;
  return {
    tell: (orderId) => {
      const { id, type, contentType, payload, headers, routingKey } = stockMessage(orderId, 1, 'reserved');
      const properties = { messageId: id, type, contentType, headers, persistent: true };
      channel.publish(exchange, routingKey, Buffer.from(payload), properties);
    },
    told: () => channel.waitForConfirms(),
  };
};
