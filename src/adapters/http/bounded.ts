import { z } from 'zod';

/** A number that was written with a fraction too small to count arrives as NaN (`parseJson`), and is refused here. */
export const bounded = (min: number, max: number) => {
  const error = `must be an integer from ${min} to ${max}`;
  return z
    .number({ error })
    .refine((value) => Number.isSafeInteger(value) && value >= min && value <= max, { error });
};
