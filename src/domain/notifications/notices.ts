/** How a customer can be reached. */
export interface Contact {
  readonly customerId: string;
  /** Null where the order gives none. */
  readonly email: string | null;
}

export const templates = [
  'order-confirmed',
  'order-shipped',
  'order-cancelled',
  'payment-failed',
  'order-refunded',
] as const;
export type Template = (typeof templates)[number];

/** What a customer is told: a template, and the values for its placeholders. */
export interface Notice {
  readonly template: Template;
  readonly values: Readonly<Record<string, string>>;
}

/** Something that happened to an order, by its public type and data. */
export interface OrderNews {
  readonly orderId: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The values that each template may use, beside `orderId` and `customerId`. */
export const placeholders: Readonly<Record<Template, readonly string[]>> = {
  'order-confirmed': [],
  'order-shipped': ['carrier', 'trackingNumber'],
  'order-cancelled': ['reason'],
  'payment-failed': ['reason'],
  'order-refunded': ['amount', 'currency'],
};

const told: Readonly<Record<string, Template>> = {
  'orderflow.order.confirmed.v1': 'order-confirmed',
  'orderflow.order.shipped.v1': 'order-shipped',
  'orderflow.order.cancelled.v1': 'order-cancelled',
  'orderflow.order.payment-failed.v1': 'payment-failed',
  'orderflow.order.refunded.v1': 'order-refunded',
};

const cancelReasons: Readonly<Record<string, string>> = {
  customer: 'as you asked',
  out_of_stock: 'because it is out of stock',
  payment_failed: 'because it could not be paid',
  expired: 'because it was not paid in time',
};

/** Which event tells the customer what; null for what is nobody's news. */
export const noticeFor = ({ orderId, type, data }: OrderNews, { customerId }: Contact): Notice | null => {
  const template = told[type];
  if (template === undefined) return null;
  return { template, values: { orderId, customerId, ...valuesOf(template, data) } };
};

const valuesOf = (template: Template, data: OrderNews['data']): Record<string, string> => {
  switch (template) {
    case 'order-confirmed':
      return {};
    case 'order-shipped':
      return { carrier: text(data.carrier), trackingNumber: text(data.trackingNumber) };
    case 'order-cancelled':
      return { reason: cancelReasons[text(data.cancelReason)] ?? '' };
    case 'payment-failed':
      return { reason: text(data.reason) };
    case 'order-refunded':
      return { amount: text(data.amount), currency: text(data.currency) };
    default:
      return template satisfies never;
  }
};

const text = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';
