import Table from 'cli-table3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithOwnRabbit } from '../support/rabbitNode.ts';
import type { Fault } from './faults.ts';
import { type FaultWorld, openFaultWorld } from './faultWorld.ts';
import { type Load, type Survival, surviveFault, warmUp } from './surviveFault.ts';

/** For starting it all, for one fault, and for the end. */
const timeoutMs = 600_000;

/** One installation on a cluster of its own that lives through these faults, one after the other. */
export const describeFaults = (
  title: string,
  faults: readonly Fault[],
  load: Load & {
    /** Orders that are offered. */
    readonly perSecond: number;
    /** Of them, so many must be placed in each second on average, whatever the fault. */
    readonly placedPerSecond: number;
  },
): void =>
  describeWithOwnRabbit(title, () => {
    let opening: Promise<FaultWorld>;
    const survivals: Survival[] = [];

    beforeAll(async () => {
      opening = openFaultWorld(load.perSecond);
      await warmUp(await opening, load);
    }, timeoutMs);

    afterAll(async () => {
      await opening.then(
        (world) => world.close(),
        () => undefined, // it has closed what it had opened
      );
      console.info(tableOf(survivals));
    }, timeoutMs);

    for (const fault of faults)
      it(
        `${fault.name}: every event takes effect once and in order, and nothing is left`,
        async () => {
          const survival = await surviveFault(await opening, fault, load);
          survivals.push(survival);
          expect(survival.perSecond, 'orders placed in a second').toBeGreaterThanOrEqual(
            load.placedPerSecond,
          );
        },
        timeoutMs,
      );
  });

const tableOf = (survivals: readonly Survival[]): string => {
  const table = new Table({
    head: ['fault', 'orders', 'per s', '503', 'silence', 'catch-up', 'repeated', 'MB', 'handles'],
    style: { head: [], border: [] },
  });
  for (const survival of survivals) {
    const { fault, orders, perSecond, putOff, repeated, processes } = survival;
    const each = (what: 'residentMb' | 'handles'): string =>
      processes.map(([before, after]) => `${before[what]}→${after[what]}`).join(' ');
    const [silence, catchUp] = [survival.silenceMs, survival.catchUpMs].map(
      (ms) => `${(ms / 1000).toFixed(1)} s`,
    );
    const pace = [orders, perSecond.toFixed(0), putOff];
    table.push([fault, ...pace, silence, catchUp, repeated, each('residentMb'), each('handles')]);
  }
  return table.toString();
};
