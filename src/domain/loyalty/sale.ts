import { accept, type Decision, type DomainEvent } from '../shared/decider.ts';
import { type PointsRate, pointsFor } from './pointsRate.ts';

/** Amounts are minor units of `currency`. `rate` is what counted when the order was placed; null earns nothing. */
export type SaleOpened = DomainEvent<
  'SaleOpened',
  {
    readonly customerId: string;
    readonly total: number;
    readonly currency: string;
    readonly rate: PointsRate | null;
  }
>;
/** `captured` and `refunded` are sums over all payments and refunds so far. */
export type SaleCaptured = DomainEvent<'SaleCaptured', { readonly captured: number }>;
export type SaleRefunded = DomainEvent<'SaleRefunded', { readonly refunded: number }>;
export type SaleDelivered = DomainEvent<'SaleDelivered', Record<never, never>>;

export type SaleEvent = SaleOpened | SaleCaptured | SaleRefunded | SaleDelivered;

/** An order as far as it matters to points. */
export interface Sale {
  readonly customerId: string;
  readonly total: number;
  readonly rate: PointsRate | null;
  readonly captured: number;
  readonly refunded: number;
  readonly delivered: boolean;
}

/** `null`: the order was not heard of. */
export type SaleState = Sale | null;

export interface OpenSale {
  readonly type: 'OpenSale';
  readonly at: string;
  readonly customerId: string;
  readonly total: number;
  readonly currency: string;
  readonly rate: PointsRate | null;
}
export interface NoteCaptured {
  readonly type: 'NoteCaptured';
  readonly at: string;
  readonly captured: number;
}
export interface NoteRefunded {
  readonly type: 'NoteRefunded';
  readonly at: string;
  readonly refunded: number;
}
export interface NoteDelivered {
  readonly type: 'NoteDelivered';
  readonly at: string;
}

export type SaleCommand = OpenSale | NoteCaptured | NoteRefunded | NoteDelivered;

/** What the customer has paid for the goods and not got back. Money beyond the total was never paid for them. */
const keptAmount = ({ total, captured, refunded }: Sale): number => {
  const surplus = Math.max(0, captured - total);
  return Math.max(0, total - Math.max(0, refunded - surplus));
};

/** The points that a sale is worth as it stands: none before the goods have arrived. */
export const pointsDue = (sale: SaleState): number =>
  sale === null || !sale.delivered || sale.rate === null ? 0 : pointsFor(keptAmount(sale), sale.rate);

export const evolveSale = (state: SaleState, event: SaleEvent): SaleState => {
  if (event.type === 'SaleOpened') {
    const { customerId, total, rate } = event.data;
    return { customerId, total, rate, captured: 0, refunded: 0, delivered: false };
  }
  if (state === null) throw new Error(`${event.type} cannot be the first event of a sale`);
  switch (event.type) {
    case 'SaleCaptured':
    case 'SaleRefunded':
      return { ...state, ...event.data };
    case 'SaleDelivered':
      return { ...state, delivered: true };
    default:
      return event satisfies never;
  }
};

/** All of these are facts of the order: what is known already changes nothing, and nothing is refused. */
export const decideSale = (command: SaleCommand, sale: SaleState): Decision<SaleEvent> => {
  const { at } = command;
  if (command.type === 'OpenSale') {
    const { customerId, total, currency, rate } = command;
    return sale === null
      ? accept<SaleEvent>({ type: 'SaleOpened', at, data: { customerId, total, currency, rate } })
      : accept();
  }
  if (sale === null) return accept();
  switch (command.type) {
    case 'NoteCaptured':
      return command.captured > sale.captured
        ? accept<SaleEvent>({ type: 'SaleCaptured', at, data: { captured: command.captured } })
        : accept();
    case 'NoteRefunded':
      return command.refunded > sale.refunded
        ? accept<SaleEvent>({ type: 'SaleRefunded', at, data: { refunded: command.refunded } })
        : accept();
    case 'NoteDelivered':
      return sale.delivered ? accept() : accept<SaleEvent>({ type: 'SaleDelivered', at, data: {} });
    default:
      return command satisfies never;
  }
};
