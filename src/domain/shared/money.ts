/**
 * Amounts are integers in the currency's minor unit (cents). Every sum is checked: beyond 2^53 - 1 a number no
 * longer counts exactly, so such a sum has no value here.
 */
export const addAmounts = (a: number, b: number): number | undefined => safe(a + b);

export const multiplyAmount = (amount: number, quantity: number): number | undefined =>
  safe(amount * quantity);

const safe = (value: number): number | undefined => (Number.isSafeInteger(value) ? value : undefined);
