import { expect, it } from 'vitest';
import { type Context, contexts } from '../../../src/app/config.ts';
import type { OrderDocument } from '../../../src/domain/orders/orderDocument.ts';
import { eventually } from '../../support/eventually.ts';
import { propertyOptions } from '../../support/properties.ts';
import { randomFrom } from '../../support/randomFrom.ts';
import { describeWithService } from '../../support/services.ts';
import { type ChoreographyWorld, openChoreographyWorld } from './choreographyWorld.ts';
import { type Killing, killAtRandom } from './killAtRandom.ts';
import { countEnds, everyEnd } from './orderEnds.ts';
import { auditFromInside, auditFromOutside, everyOrder } from './shopAudit.ts';

export interface ChoreographyLoad extends Killing {
  readonly perSecond: number;
  readonly paymentDeadlineSeconds: number;
  /** From the last order until nothing is on its way. */
  readonly settleWithinMs: number;
}

/** For starting it all, and for the audit. */
const elseMs = 300_000;

/** Orders live all kinds of lives while every process is killed again and again; then all books must agree. */
export const describeChoreography = (title: string, load: ChoreographyLoad): void =>
  describeWithService('rabbitmq', title, () => {
    it(
      'keeps its books, whoever is killed',
      () => surviveKills(load),
      load.seconds * 1_000 + load.settleWithinMs + elseMs,
    );
  });

const surviveKills = async (load: ChoreographyLoad): Promise<void> => {
  // It chooses the lives and the kills; what the processes do meanwhile no seed can repeat.
  const { seed } = propertyOptions();
  const orders = load.perSecond * load.seconds;
  const world = await openChoreographyWorld({ ...load, seed, orders });
  try {
    const { shop, lives, ledger } = world;
    const started = performance.now();
    lives.go();
    const kills = await killAtRandom(world, randomFrom(seed), load);
    lives.stop();
    const ended = performance.now();
    await shop.up();
    await settle(world, load.settleWithinMs);
    const settled = performance.now();

    const documents = await audit(world);
    expect(await shop.stop()).toEqual(contexts.map(() => 0));
    // What was in somebody's hands would be back in its queue.
    expect(await ledger.left()).toEqual([]);
    expect(shop.output()).not.toMatch(/unhandled|"level":60/);
    const ends = countEnds(documents.values());
    console.info(tell(world, { kills, ends, loadMs: ended - started, settleMs: settled - ended }));
    for (const end of everyEnd) expect(ends.get(end) ?? 0, end).toBeGreaterThan(0);
  } finally {
    await world.close();
  }
};

/**
 * Waits until every order has lived its life and nothing is on its way. A refund that failed leaves money of an order
 * that is over: the shop asks for it again.
 */
const settle = async (
  { shop, lives, ledger, provider }: ChoreographyWorld,
  timeoutMs: number,
): Promise<void> => {
  provider.beKind();
  let over = false;
  lives.pause().then(
    () => {
      over = true;
    },
    () => undefined, // a life that broke is over for nobody
  );
  const nothingIsLeft = (): Promise<void> =>
    eventually(
      async () => {
        // First, as it says why the lives are not over.
        expect(await ledger.left()).toEqual([]);
        expect(over, 'every order has lived its life').toBe(true);
      },
      { timeoutMs, intervalMs: 500 },
    );
  for (;;) {
    await nothingIsLeft();
    const all = [...(await everyOrder(await shop.url())).values()];
    const owed = all.filter(
      ({ status, captured, refunded }) => status === 'cancelled' && captured > refunded,
    );
    if (owed.length === 0) return;
    for (const { id } of owed) expect(await lives.askBack(id)).toBe(true);
  }
};

const audit = async (world: ChoreographyWorld): Promise<ReadonlyMap<string, OrderDocument>> => {
  const { shop, lives, provider, receiver, counts, stranger } = world;
  expect([...lives.surprises, ...provider.refused].slice(0, 3)).toEqual([]);
  const url = await shop.url();
  const placed = new Set(lives.placed.keys());
  const documents = await auditFromOutside(url, { placed, counts, stranger });
  const [{ files }, { taken }, { keysOf }] = [shop, provider, receiver];
  await auditFromInside({ files, url, documents, counts, taken, keysOf });
  return documents;
};

interface Survived {
  readonly kills: ReadonlyMap<Context, number>;
  readonly ends: ReadonlyMap<string, number>;
  readonly loadMs: number;
  readonly settleMs: number;
}

const tell = ({ lives, client, receiver }: ChoreographyWorld, survived: Survived): string => {
  const { kills, ends, loadMs, settleMs } = survived;
  const [orders, seconds] = [lives.placed.size, loadMs / 1_000];
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts].map(([what, count]) => `${count} × ${what}`).join(', ');
  return [
    `${orders} orders in ${seconds.toFixed(1)} s, ${(orders / seconds).toFixed(0)} per second`,
    `killed: ${list(kills)}`,
    `${client.repeated()} requests sent again, ${receiver.repeated()} notifications came again`,
    `nothing left ${(settleMs / 1_000).toFixed(1)} s after the last order`,
    `ends: ${list(ends)}`,
  ].join('\n');
};
