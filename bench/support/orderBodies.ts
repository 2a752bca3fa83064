/** The order that every request places: the example of the HTTP contract, each time of another customer. */
const customers = 100_000;

const [before, after] = JSON.stringify({
  customerId: 'c-@',
  currency: 'EUR',
  clientReference: 'shop-9001',
  lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299 }],
  shippingAddress: { name: 'A', line1: 'B', postalCode: '1000', city: 'C', countryCode: 'BE' },
  metadata: { channel: 'web' },
}).split('@') as [string, string];

/** Of equal length, so that requests differ in nothing that costs. */
export const randomCustomer = (): string => String(Math.floor(Math.random() * customers)).padStart(6, '0');

export const orderBody = (): string => before + randomCustomer() + after;
