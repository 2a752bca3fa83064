import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PermanentFailure } from '../../src/app/messaging/consume/incomingMessage.ts';
import { openConsumerRig, publicationOf } from '../support/consumerRig.ts';
import { eventually } from '../support/eventually.ts';
import { propertyOptions } from '../support/properties.ts';

/** What happens to one message each time it is handled: so many failures first, then success; or never. */
const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 1, arbitrary: fc.constant('never' as const) },
);

const world = fc.record({
  /** Per source, the fate of its messages. */
  sources: fc.array(fc.array(fate, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
  /** Drives order and repetition of deliveries. */
  shuffle: fc.infiniteStream(fc.nat({ max: 1_000 })),
  consumers: fc.integer({ min: 1, max: 3 }),
  /** After so many handled messages one consumer's connection breaks. */
  disconnectAfter: fc.integer({ min: 1, max: 20 }),
});

describe('effects of a consumer', () => {
  it('happen once and in sequence order, whatever is redelivered, retried, or dead, with competing consumers', async () => {
    const seen = { retries: 0, dead: 0, duplicates: 0 };
    const property = fc.asyncProperty(world, async ({ sources, shuffle, consumers, disconnectAfter }) => {
      const rig = openConsumerRig();
      try {
        const fates = new Map<string, number | 'never'>(
          sources.flatMap((fatesOf, s) => fatesOf.map((one, n) => [`/s${s}#${n + 1}`, one] as const)),
        );
        const failed = new Map<string, number>();
        let handled = 0;
        for (let consumer = 0; consumer < consumers; consumer += 1) {
          await rig.startConsumer(({ id }) => {
            handled += 1;
            if (handled === disconnectAfter) {
              rig.broker.disconnect();
              setImmediate(() => rig.broker.reconnect());
            }
            const wanted = fates.get(id) ?? 0;
            const so = failed.get(id) ?? 0;
            if (wanted === 'never') throw new PermanentFailure('never');
            if (so < wanted) {
              failed.set(id, so + 1);
              seen.retries += 1;
              throw new Error('not yet');
            }
          });
        }
        const all = sources.flatMap((fatesOf, s) => fatesOf.map((_, n) => publicationOf(`/s${s}`, n + 1)));
        const order = [...all, ...all.filter((_, index) => index % 3 === 0)]
          .map((publication) => ({ publication, key: shuffle.next().value ?? 0 }))
          .sort((one, other) => one.key - other.key);
        seen.duplicates += order.length - all.length;
        for (const { publication } of order) {
          while ((await rig.broker.publish(publication)).kind !== 'confirmed')
            await rig.broker.whenReady(AbortSignal.timeout(1_000));
        }
        for (const [s, fatesOf] of sources.entries()) {
          const firstDead = fatesOf.indexOf('never');
          const reach = firstDead === -1 ? fatesOf.length : firstDead;
          if (firstDead !== -1) seen.dead += 1;
          const expected = Array.from({ length: reach }, (_, n) => `/s${s}#${n + 1}`);
          await eventually(async () => expect(await rig.effects(`/s${s}`)).toEqual(expected));
        }
        const deadSources = sources.filter((fatesOf) => fatesOf.includes('never')).length;
        await eventually(async () => {
          const dead = (await rig.deadLetters()).map(({ id }) => id);
          expect([dead.length, new Set(dead).size]).toEqual([deadSources, deadSources]);
        });
      } finally {
        await rig.close();
      }
    });
    await fc.assert(property, { ...propertyOptions({ numRuns: 40 }), endOnFailure: true });
    expect(Math.min(seen.retries, seen.dead, seen.duplicates)).toBeGreaterThan(0);
  });
});
