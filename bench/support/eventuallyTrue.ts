import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when the condition holds; looks every 10 ms. */
export const eventuallyTrue = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await sleep(10);
};
