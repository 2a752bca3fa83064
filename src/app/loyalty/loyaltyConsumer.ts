import type { PointsRate } from '../../domain/loyalty/pointsRate.ts';
import { pointsDue, type SaleCommand } from '../../domain/loyalty/sale.ts';
import type { Session } from '../commands/work.ts';
import { type IncomingMessage, PermanentFailure } from '../messaging/consume/incomingMessage.ts';
import { textIn, wholeNumberIn } from '../messaging/consume/messageData.ts';
import type { MessageHandler } from '../messaging/consume/messageHandler.ts';
import { pointsModel, pointsStream, saleModel, saleStream } from './loyaltyModels.ts';

export interface LoyaltyConsumerParts {
  readonly queue: string;
  /** By currency; `*` is for those that are not named, and without it they earn nothing. */
  readonly rates: ReadonlyMap<string, PointsRate>;
}

/**
 * Follows what is paid, delivered and paid back of each order, and moves the points of its customer whenever that
 * changes what the order is worth, in one transaction.
 */
export const loyaltyConsumer = ({ queue, rates }: LoyaltyConsumerParts): MessageHandler => ({
  consumer: 'loyalty',
  queue,
  streams: (message) => {
    const command = commandFor(message, rates);
    if (command === null) return [];
    const customer = command.type === 'OpenSale' ? [pointsStream(command.customerId)] : [];
    return [saleStream(orderIdOf(message)), ...customer];
  },
  // Only the first message of an order tells its customer; the sale remembers.
  furtherStreams: (session, message) => {
    if (commandFor(message, rates) === null) return [];
    const sale = session.load(saleModel, orderIdOf(message)).state;
    return sale === null ? [] : [pointsStream(sale.customerId)];
  },
  handle: (session, message) => {
    const command = commandFor(message, rates);
    if (command !== null) follow(session, orderIdOf(message), command);
  },
});

const follow = (session: Session, orderId: string, command: SaleCommand): void => {
  const before = session.load(saleModel, orderId).state;
  const decision = session.execute(saleModel, orderId, command);
  if (!decision.ok) throw new PermanentFailure(decision.error.detail);
  const after = session.load(saleModel, orderId).state;
  const change = pointsDue(after) - pointsDue(before);
  if (after === null || change === 0) return;
  session.execute(pointsModel, after.customerId, { type: 'MovePoints', at: command.at, orderId, change });
};

const placed = 'orderflow.order.placed.v1';

const orderIdOf = (message: IncomingMessage): string =>
  textIn(message, message.type === placed ? 'id' : 'orderId');

/** Null for what does not matter to points. */
const commandFor = (message: IncomingMessage, rates: LoyaltyConsumerParts['rates']): SaleCommand | null => {
  const at = message.time;
  switch (message.type) {
    case placed: {
      const currency = textIn(message, 'currency');
      return {
        type: 'OpenSale',
        at,
        customerId: textIn(message, 'customerId'),
        total: wholeNumberIn(message, 'total'),
        currency,
        rate: rates.get(currency) ?? rates.get('*') ?? null,
      };
    }
    case 'orderflow.order.payment-captured.v1':
      return { type: 'NoteCaptured', at, captured: wholeNumberIn(message, 'captured') };
    case 'orderflow.order.refunded.v1':
      return { type: 'NoteRefunded', at, refunded: wholeNumberIn(message, 'refunded') };
    case 'orderflow.order.delivered.v1':
      return { type: 'NoteDelivered', at };
    default:
      return null;
  }
};
