import { z } from 'zod';
import type { PointsRate } from '../../domain/loyalty/pointsRate.ts';
import { currencies } from '../../domain/shared/currencies.ts';

/** By currency; `*` is for every currency that is not named. */
export type LoyaltyRates = ReadonlyMap<string, PointsRate>;

const shape = /^(\*|[A-Z]{3}):(\d{1,9})\/(\d{1,12})$/;

/** `EUR:1/100,*:0/1`: so many points for so many minor units. No points at all is a rate of 0. */
export const loyaltyRates = z
  .string()
  .default('*:1/100')
  .transform((text, context): LoyaltyRates => {
    const rates = text.split(',').map((rate) => readRate(rate.trim()));
    const byCurrency = new Map(rates.filter((rate) => rate !== undefined));
    if (byCurrency.size < rates.length) {
      context.addIssue(
        'must be a comma-separated list of <currency>:<points>/<minor units>, each currency once, for example EUR:1/100, with * for all others',
      );
      return z.NEVER;
    }
    // A currency that no order can have is a slip, and its orders would earn something else.
    const unknown = [...byCurrency.keys()].filter((code) => code !== '*' && !currencies.has(code));
    if (unknown.length === 0) return byCurrency;
    context.addIssue(`must name currencies of ISO 4217, not ${unknown.join(', ')}`);
    return z.NEVER;
  });

const readRate = (text: string): readonly [string, PointsRate] | undefined => {
  const [, currency, points, per] = shape.exec(text) ?? [];
  if (currency === undefined || Number(per) < 1) return undefined;
  return [currency, { points: Number(points), per: Number(per) }];
};
