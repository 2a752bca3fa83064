import { randomInt } from 'node:crypto';
import { expect } from 'vitest';

export interface PropertyOptions {
  readonly seed: number;
  readonly numRuns: number;
  readonly path?: string;
}

/**
 * The second argument of `fc.assert`, for every property of this project: a fresh seed each run, printed so that
 * any run can be repeated. FC_SEED fixes the seed, FC_PATH the counterexample's path, FC_RUNS the number of runs.
 */
export const propertyOptions = (defaults: { readonly numRuns?: number } = {}): PropertyOptions => {
  const seed = numberFrom('FC_SEED') ?? randomInt(-(2 ** 31), 2 ** 31);
  const numRuns = numberFrom('FC_RUNS') ?? defaults.numRuns ?? 100;
  const path = process.env.FC_PATH;
  console.info(`property "${expect.getState().currentTestName ?? ''}": FC_SEED=${seed} FC_RUNS=${numRuns}`);
  return path === undefined || path === '' ? { seed, numRuns } : { seed, numRuns, path };
};

const numberFrom = (variable: string): number | undefined => {
  const text = process.env[variable];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value)) throw new Error(`${variable} must be a whole number, but is "${text}"`);
  return value;
};
