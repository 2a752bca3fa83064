/** What is to become of an order, decided before it is placed: the same for the same seed. */
export interface OrderPlan {
  readonly customer: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly unitPrice: number }[];
  readonly fate: Fate;
  /** How often a capture is reported. */
  readonly reports: number;
}

/** How many of a hundred orders live which life, if there is stock for them. */
const shares = {
  /** Paid, shipped, delivered. */
  delivered: 46,
  /** And half of it paid back. */
  returned: 14,
  shipped: 6,
  /** Paid, and then nothing happens. */
  confirmed: 4,
  paidTwice: 3,
  /** The first try fails. */
  paidLater: 6,
  /** Cancelled before it is paid; nobody pays. */
  cancelled: 3,
  /** The money comes after that. */
  cancelledThenPaid: 6,
  paidThenCancelled: 5,
  /** Both at once, whichever comes first. */
  paidAndCancelled: 3,
  /** Not paid in time, with a try that failed and without. */
  failed: 2,
  unpaid: 2,
} as const;

export type Fate = keyof typeof shares;

const fates = Object.entries(shares).flatMap(([fate, share]) => Array<Fate>(share).fill(fate as Fate));

export const customers: readonly string[] = Array.from({ length: 40 }, (_, number) => `customer-${number}`);

/** More of these than anybody wants. */
const plentiful: readonly string[] = Array.from({ length: 12 }, (_, number) => `tea-${number}`);
/** One in so many orders wants this, and there is enough for a quarter of them. */
const scarceShare = 0.1;
const scarce = 'pot-from-yixing';
/** Never counted, so never short. */
const uncounted = 'gift-wrapping';
const uncountedShare = 0.15;

/** What is counted before the first order. */
export const countsFor = (orders: number): ReadonlyMap<string, number> =>
  new Map([
    ...plentiful.map((sku) => [sku, 10_000_000] as const),
    [scarce, Math.ceil((orders * scarceShare) / 4)],
  ]);

export const planOrder = (random: () => number): OrderPlan => {
  const oneOf = <T>(choice: readonly T[]): T => choice[Math.floor(random() * choice.length)] as T;
  const some = (most: number): number => 1 + Math.floor(random() * most);
  const lines = [{ sku: oneOf(plentiful), quantity: some(3), unitPrice: 100 + some(5_000) }];
  if (random() < scarceShare) lines.push({ sku: scarce, quantity: 1, unitPrice: 9_900 });
  if (random() < uncountedShare) lines.push({ sku: uncounted, quantity: 1, unitPrice: 250 });
  return { customer: oneOf(customers), lines, fate: oneOf(fates), reports: random() < 0.2 ? some(2) + 1 : 1 };
};
