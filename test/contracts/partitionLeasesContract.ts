import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Lease, partitionCount } from '../../src/ports/outbox.ts';
import { propertyOptions } from '../support/properties.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { everyPartition } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

const ttl = 1_000;

/** The contract of `PartitionLeases`. */
export const partitionLeasesContract = (adapter: StoreAdapter): void => {
  describe('partition leases', () => {
    const subject = withStores(adapter);
    const renew = (owner: string, now: number) => subject().stores.leases.renew(owner, now, ttl);
    const release = (owner: string, partitions: readonly number[] | 'all') =>
      subject().stores.leases.release(owner, partitions);
    const partitions = ({ held }: { readonly held: readonly Lease[] }) =>
      held.map(({ partition }) => partition).sort((one, other) => one - other);
    /** Renews, and gives back what is too much, as a relay does. */
    const settle = async (owner: string, now: number) => {
      const { held, excess } = await renew(owner, now);
      await release(owner, partitions({ held }).slice(0, excess));
    };

    it('gives a single relay everything', async () => {
      const first = await renew('a', 0);
      expect(partitions(first)).toEqual(everyPartition);
      expect(first.excess).toBe(0);
    });

    it('keeps the fence while the owner stays', async () => {
      const first = await renew('a', 0);
      expect((await renew('a', 500)).held).toEqual(first.held);
      expect((await renew('a', 5_000)).held).toEqual(first.held);
    });

    it('takes nothing away from a living owner, but tells it what is beyond its share', async () => {
      await renew('a', 0);
      expect(partitions(await renew('b', 10))).toEqual([]);
      const again = await renew('a', 20);
      expect(again.held).toHaveLength(partitionCount);
      expect(again.excess).toBe(partitionCount / 2);
    });

    it.each([2, 3])('shares fairly among %i relays', async (count) => {
      const owners = Array.from({ length: count }, (_, index) => `relay-${index}`);
      for (let round = 0; round < 3; round += 1) for (const owner of owners) await settle(owner, round);
      const shares = await Promise.all(owners.map((owner) => renew(owner, 3)));
      expect(shares.flatMap(partitions).sort((one, other) => one - other)).toEqual(everyPartition);
      for (const { held, excess } of shares) {
        expect(held.length).toBeLessThanOrEqual(Math.ceil(partitionCount / count));
        expect(excess).toBe(0);
      }
    });

    it('lets the living take over from a relay that stopped renewing, with new fences', async () => {
      for (const round of [0, 1]) for (const owner of ['a', 'b']) await settle(owner, round);
      const dead = await renew('b', 1);
      expect((await renew('a', ttl)).held).toHaveLength(partitionCount / 2);
      const all = await renew('a', 1 + ttl);
      expect(partitions(all)).toEqual(everyPartition);
      for (const { partition, fence } of dead.held) {
        expect(all.held.find((lease) => lease.partition === partition)?.fence).toBe(fence + 1);
      }
    });

    it('gives a relay that comes back nothing of what others hold by now', async () => {
      await renew('a', 0);
      const other = await renew('b', 2_000);
      expect(partitions(other)).toEqual(everyPartition);
      expect(partitions(await renew('a', 2_100))).toEqual([]);
    });

    it('gives up single partitions, whose fence grows with the next owner', async () => {
      const before = await renew('a', 0);
      await renew('b', 0);
      await release('a', [3, 4]);
      const taken = await renew('b', 1);
      expect(partitions(taken)).toEqual([3, 4]);
      for (const { partition, fence } of taken.held) {
        expect(fence).toBe(before.held.find((lease) => lease.partition === partition)!.fence + 1);
      }
      expect(partitions(await renew('a', 2))).not.toContain(3);
    });

    it('gives up everything at once, and stops counting as a relay', async () => {
      await renew('a', 0);
      await renew('b', 0);
      await release('a', 'all');
      const all = await renew('b', 1);
      expect(partitions(all)).toEqual(everyPartition);
    });

    it('ends the leases of everybody at once, and their fences grow with the next owner', async () => {
      const before = await renew('a', 0);
      await renew('b', 0);
      await subject().stores.leases.releaseAll();
      const all = await renew('c', 1);
      expect(partitions(all)).toEqual(everyPartition);
      expect(all.excess).toBe(0);
      for (const [index, { fence }] of all.held.entries()) expect(fence).toBe(before.held[index]!.fence + 1);
    });

    it('takes releasing what one does not hold for no error', async () => {
      await release('nobody', [1, 2]);
      await release('nobody', 'all');
      await renew('a', 0);
      await release('b', everyPartition);
      expect(partitions(await renew('a', 1))).toEqual(everyPartition);
    });

    it('never lets two relays hold one partition with the same fence, whatever they do', async () => {
      const step = fc.record({
        owner: fc.constantFrom('a', 'b', 'c'),
        wait: fc.nat({ max: ttl }),
        action: fc.constantFrom('renew', 'renew', 'settle', 'release'),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 20 }), async (steps) => {
          for (const owner of ['a', 'b', 'c']) await release(owner, 'all');
          const owners = new Map<string, string>();
          let now = 1_000_000;
          for (const { owner, wait, action } of steps) {
            now += wait;
            if (action === 'release') await release(owner, 'all');
            else if (action === 'settle') await settle(owner, now);
            for (const { partition, fence } of (await renew(owner, now)).held) {
              const key = `${partition}:${fence}`;
              expect(owners.get(key) ?? owner).toBe(owner);
              owners.set(key, owner);
            }
          }
        }),
        propertyOptions({ numRuns: 20 }),
      );
    });
  });
};
