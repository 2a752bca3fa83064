import type fc from 'fast-check';
import { turns } from './virtualClock.ts';

/**
 * Lets one waiting step after another go, chosen by the scheduler, each time only when everybody has come to a step:
 * the pipeline waits for a turn to fill its batches, and others would be done by then.
 */
export const interleave = async (scheduler: fc.Scheduler, work: Promise<void>): Promise<void> => {
  let over = false;
  const watched = work.finally(() => {
    over = true;
  });
  watched.catch(() => {});
  while (!over) {
    await turns(2);
    if (scheduler.count() > 0) await scheduler.waitNext(1);
  }
  await watched;
};
