import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { gateKeeper } from '../../src/app/messaging/consume/GateBook.ts';
import { PermanentFailure } from '../../src/app/messaging/consume/incomingMessage.ts';
import { task } from '../../src/app/messaging/desk/deadLetterService.ts';
import type { DeadLetter } from '../../src/ports/deadLetters.ts';
import { type Handle, openConsumerRig, publicationOf } from '../support/consumerRig.ts';
import { eventually } from '../support/eventually.ts';

const ids = (source: string, ...sequences: readonly number[]) => sequences.map((n) => `${source}#${n}`);

/** Fails the given messages so many times each. */
const failing = (times: Readonly<Record<string, number>>, error = () => new Error('no luck')): Handle => {
  const left = new Map(Object.entries(times));
  return ({ id }) => {
    const failures = left.get(id) ?? 0;
    if (failures === 0) return;
    left.set(id, failures - 1);
    throw error();
  };
};

const discardOf = (letter: DeadLetter) => task(letter, 'discard', uuidV7Ids);

describe('a consumer', () => {
  const tried = new Set<string>();
  const failingOnce: Handle = ({ id }) => {
    if (tried.has(id)) return;
    tried.add(id);
    throw new Error('not yet');
  };
  let rig: ReturnType<typeof openConsumerRig>;
  beforeEach(() => {
    rig = openConsumerRig();
  });
  afterEach(() => rig.close());
  const settled = (source: string, ...sequences: readonly number[]) =>
    eventually(async () => expect(await rig.effects(source)).toEqual(ids(source, ...sequences)));

  it('handles the messages of each source once and in order, whatever order they come in', async () => {
    await rig.startConsumer(() => {});
    await rig.publish(
      ...[3, 1, 2, 1, 5, 3].map((n) => publicationOf('/a', n)),
      ...[2, 1].map((n) => publicationOf('/b', n)),
    );
    await settled('/a', 1, 2, 3);
    await settled('/b', 1, 2);
    expect((await rig.waiting()).map(({ source, sequence }) => [source, sequence])).toEqual([['/a', 5]]);
    await rig.publish(publicationOf('/a', 4));
    await settled('/a', 1, 2, 3, 4, 5);
    expect(await rig.waiting()).toEqual([]);
  });

  it('follows a long row of held messages to its end', async () => {
    await rig.startConsumer(() => {});
    const sequences = Array.from({ length: 300 }, (_, index) => index + 1);
    await rig.publish(...sequences.slice(1).map((n) => publicationOf('/a', n)));
    await eventually(async () => expect(await rig.waiting()).toHaveLength(299));
    await rig.publish(publicationOf('/a', 1));
    await settled('/a', ...sequences);
  });

  it('handles a message outside any sequence once', async () => {
    await rig.startConsumer(() => {});
    await rig.publish(publicationOf('/stranger', null), publicationOf('/stranger', null));
    await eventually(async () => expect(await rig.effects('/stranger')).toEqual(['/stranger#loose']));
    await rig.publish(publicationOf('/stranger', null), publicationOf('/other', 1));
    await settled('/other', 1);
    expect(await rig.effects('/stranger')).toEqual(['/stranger#loose']);
  });

  it('retries a failed message from the store; its successors wait, other sources flow', async () => {
    await rig.startConsumer(failing({ '/a#1': 3 }));
    await rig.publish(publicationOf('/a', 1), publicationOf('/a', 2), publicationOf('/b', 1));
    await settled('/b', 1);
    await settled('/a', 1, 2);
    expect(await rig.deadLetters()).toEqual([]);
  });

  it('sets a message aside when no attempt is left, with its reason, and holds its successors', async () => {
    await rig.startConsumer(failing({ '/a#1': 100 }));
    await rig.publish(publicationOf('/a', 1), publicationOf('/a', 2));
    const letter = await eventually(async () => {
      const [first] = await rig.deadLetters();
      expect(first).toBeDefined();
      return first;
    });
    expect(letter).toMatchObject({
      id: '/a#1',
      headers: {
        'x-orderflow-reason': 'exhausted',
        'x-orderflow-error': 'no luck',
        'x-orderflow-attempts': '4',
        'x-orderflow-queue': 'work',
      },
    });
    const states = (await rig.waiting()).map(({ sequence, state }) => [sequence, state]);
    expect(states.sort()).toEqual([
      [1, 'dead'],
      [2, 'held'],
    ]);
    await rig.publish(publicationOf('/a', 1), publicationOf('/b', 1));
    await settled('/b', 1);
    expect(await rig.effects('/a')).toEqual([]);
    expect(await rig.deadLetters()).toHaveLength(1);
  });

  it('sets a message aside at once when retrying cannot help', async () => {
    await rig.startConsumer(failing({ '/a#1': 1 }, () => new PermanentFailure('an unknown type')));
    await rig.publish(publicationOf('/a', 1));
    await eventually(async () =>
      expect(await rig.deadLetters()).toMatchObject([
        { headers: { 'x-orderflow-reason': 'refused', 'x-orderflow-attempts': '1' } },
      ]),
    );
  });

  it('takes consumers that compete for a message due in the store for what they are, not for deaths', async () => {
    for (let consumer = 0; consumer < 4; consumer += 1) await rig.startConsumer(failingOnce);
    const sources = Array.from({ length: 20 }, (_, index) => `/s${index}`);
    await rig.publish(...sources.map((source) => publicationOf(source, 1)));
    for (const source of sources) await settled(source, 1);
    expect(await rig.deadLetters()).toEqual([]);
  });

  it('sets aside what is no CloudEvent', async () => {
    await rig.startConsumer(() => {});
    await rig.publish({ ...publicationOf('/a', 1), id: 'junk', payload: '{"no":' });
    await eventually(async () =>
      expect(await rig.deadLetters()).toMatchObject([
        { id: 'junk', headers: { 'x-orderflow-reason': 'refused' } },
      ]),
    );
  });

  it('sets aside what no database has room for', async () => {
    await rig.startConsumer(() => {});
    const source = `/${'a'.repeat(200)}`;
    await rig.publish({ ...publicationOf(source, 1), id: 'long' }, publicationOf('/b\0', 1));
    await eventually(async () => expect(await rig.deadLetters()).toHaveLength(2));
    expect((await rig.deadLetters()).map(({ headers }) => headers?.['x-orderflow-error']).sort()).toEqual([
      'the id is longer than 128 characters or 255 bytes, or holds a NUL',
      'the id is longer than 128 characters or 255 bytes, or holds a NUL',
    ]);
  });

  describe('that is given a message too large to be published again', () => {
    const limit = 1_000;
    const large = (source: string, sequence: number | null) => {
      const publication = publicationOf(source, sequence);
      const payload = JSON.stringify({
        ...JSON.parse(publication.payload),
        data: { pad: 'é'.repeat(limit / 2) },
      });
      return { ...publication, payload };
    };
    const kept = () =>
      eventually(async () => {
        const [letter, ...others] = await rig.stores.deadLetters.list({ tenant: 'default', limit: 9 });
        expect(letter).toBeDefined();
        expect(others).toEqual([]);
        return letter!;
      });

    it('hands it to the desk with its reason and its payload, when no attempt is left', async () => {
      await rig.startConsumer(failing({ '/a#1': 4 }), { maxLetterBytes: limit });
      const message = large('/a', 1);
      const bytes = Buffer.byteLength(message.payload);
      await rig.publish(message, publicationOf('/a', 2));
      const letter = await kept();
      expect(letter).toMatchObject({
        queue: 'work',
        messageId: '/a#1',
        source: '/a',
        sequence: 1,
        reason: 'exhausted',
        error: `too large to be sent back (${bytes} bytes, the limit is 1000), so it is kept here: no luck`,
        attempts: 4,
        redrivable: false,
      });
      expect(JSON.parse(letter.message)).toMatchObject({ id: '/a#1', payload: message.payload });
      expect(await rig.deadLetters()).toEqual([]);
      const states = (await rig.waiting()).map(({ sequence, state }) => [sequence, state]);
      expect(states.sort()).toEqual([
        [1, 'dead'],
        [2, 'held'],
      ]);
    });

    it('hands it to the desk once, when it cannot even be read', async () => {
      await rig.startConsumer(() => {}, { maxLetterBytes: limit });
      const junk = { ...publicationOf('/a', 1), id: 'junk', payload: `{"${'x'.repeat(limit)}` };
      await rig.publish(junk, junk, publicationOf('/b', 1));
      await settled('/b', 1);
      const letter = await kept();
      expect(letter).toMatchObject({ messageId: 'junk', source: '', reason: 'refused', redrivable: false });
      expect(JSON.parse(letter.message)).toMatchObject({ payload: junk.payload });
      expect(await rig.deadLetters()).toEqual([]);
      expect(await rig.waiting()).toEqual([]);
    });

    it('passes it by when it is discarded, by its names alone', async () => {
      await rig.startConsumer(failing({ '/a#1': 4 }), { maxLetterBytes: limit });
      await rig.publish(large('/a', 1), publicationOf('/a', 2));
      const { payload, headers, id } = discardOf(await kept());
      expect(Buffer.byteLength(payload)).toBeLessThan(limit);
      await rig.publish({
        ...publicationOf('/a', 1),
        id,
        payload,
        headers: { tenant: 'default', ...headers },
      });
      await settled('/a', 2);
      expect(await rig.waiting()).toEqual([]);
    });
  });

  it('handles a dead message again when it is redriven, with a fresh set of attempts, then its successors', async () => {
    await rig.startConsumer(failing({ '/a#1': 6 }));
    await rig.publish(publicationOf('/a', 1), publicationOf('/a', 2));
    await eventually(async () => expect(await rig.deadLetters()).toHaveLength(1));
    await rig.publish(publicationOf('/a', 1, { 'x-orderflow-redrive': true }));
    await settled('/a', 1, 2);
    expect(await rig.waiting()).toEqual([]);
    await rig.publish(publicationOf('/a', 1, { 'x-orderflow-redrive': true }), publicationOf('/b', 1));
    await settled('/b', 1);
    await settled('/a', 1, 2);
  });

  it('handles a dead message outside any sequence again when it is redriven, and once only', async () => {
    await rig.startConsumer(failing({ '/stranger#loose': 4 }));
    await rig.publish(publicationOf('/stranger', null));
    await eventually(async () => expect(await rig.deadLetters()).toHaveLength(1));
    const redriven = publicationOf('/stranger', null, { 'x-orderflow-redrive': true });
    await rig.publish(publicationOf('/stranger', null), redriven, redriven, publicationOf('/b', 1));
    await settled('/b', 1);
    await eventually(async () => expect(await rig.effects('/stranger')).toEqual(['/stranger#loose']));
    expect(await rig.waiting()).toEqual([]);
  });

  it('sets every unreadable message aside, also those without an id', async () => {
    await rig.startConsumer(() => {});
    const junk = { ...publicationOf('/a', 1), id: '', payload: 'junk' };
    await rig.publish(junk, junk);
    await eventually(async () => expect(await rig.deadLetters()).toHaveLength(2));
    expect(new Set((await rig.deadLetters()).map(({ id }) => id)).size).toBe(2);
  });

  it('sets an unreadable message aside once, however often it comes, and keeps nothing else of it', async () => {
    await rig.startConsumer(() => {});
    const junk = { ...publicationOf('/a', 1), id: 'junk', payload: 'junk' };
    await rig.publish(junk, junk);
    await eventually(async () => expect(await rig.deadLetters()).toHaveLength(1));
    await rig.publish(junk, publicationOf('/b', 1));
    await settled('/b', 1);
    expect(await rig.deadLetters()).toHaveLength(1);
    expect(await rig.waiting()).toEqual([]);
  });

  it('sets an unreadable message aside again when it is redriven, until it can be read', async () => {
    await rig.startConsumer(() => {});
    const junk = { ...publicationOf('/a', 1), id: 'junk', payload: 'junk' };
    const headers = { ...junk.headers, 'x-orderflow-redrive': 'true' };
    await rig.publish(junk);
    for (const letters of [2, 3]) {
      await rig.publish({ ...junk, headers });
      await eventually(async () => expect(await rig.deadLetters()).toHaveLength(letters));
    }
    await rig.publish({ ...publicationOf('/a', 1), headers });
    await settled('/a', 1);
    expect(await rig.deadLetters()).toHaveLength(3);
    expect(await rig.waiting()).toEqual([]);
  });

  it('tries a message that not even the database takes ever more seldom, and others as ever', async () => {
    const waits: number[] = [];
    let refuses = true;
    const gates = gateKeeper(systemClock.now);
    await rig.startConsumer(() => {}, {
      random: () => 1,
      clock: {
        now: systemClock.now,
        // Time flies only where the wait is longer than any other of a consumer.
        sleep: (ms, signal) => {
          if (ms > 1_000) waits.push(ms);
          return systemClock.sleep(Math.min(ms, 20), signal);
        },
      },
      gates: {
        ...gates,
        begin: async (tx, items) => {
          if (refuses && items.some(({ messageId }) => messageId === '/a#1')) throw new Error('not that one');
          return gates.begin(tx, items);
        },
      },
    });
    await rig.publish(publicationOf('/a', 1), publicationOf('/b', 1));
    await settled('/b', 1);
    await eventually(() => expect(waits.length).toBeGreaterThan(6));
    expect(waits.slice(0, 7)).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    refuses = false;
    await settled('/a', 1);
  });

  it('does not take messages any more when it was stopped before the broker came', async () => {
    rig.broker.disconnect();
    const asked = Promise.withResolvers<void>();
    const starting = rig.startConsumer(() => {}, {
      subscriber: {
        listen: (...wanted) => rig.broker.listen(...wanted),
        subscribe: (...wanted) => {
          asked.resolve();
          return rig.broker.subscribe(...wanted);
        },
      },
    });
    await asked.promise;
    await rig.close();
    await expect(starting).rejects.toThrow('closed');
  });

  it('passes a dead message by when it is discarded, so that its successors follow', async () => {
    await rig.startConsumer(failing({ '/a#1': 100 }));
    await rig.publish(publicationOf('/a', 1), publicationOf('/a', 2));
    await eventually(async () => expect(await rig.deadLetters()).toHaveLength(1));
    await rig.publish(publicationOf('/a', 1, { 'x-orderflow-discard': true }));
    await settled('/a', 2);
  });

  it('passes discarded messages by when their turn comes, whatever order the discards come in', async () => {
    await rig.startConsumer(() => {});
    const discard = { 'x-orderflow-discard': 'true' };
    const kept = (count: number) => eventually(async () => expect(await rig.waiting()).toHaveLength(count));
    await rig.publish(publicationOf('/a', 4));
    await kept(1);
    await rig.publish(publicationOf('/a', 2, discard));
    await kept(2);
    await rig.publish(publicationOf('/a', 1, discard));
    await kept(1);
    await rig.publish(publicationOf('/a', 3));
    await settled('/a', 3, 4);
  });

  it('passes a discarded message by that is held behind a predecessor', async () => {
    await rig.startConsumer(() => {});
    await rig.publish(publicationOf('/a', 2), publicationOf('/a', 3));
    await eventually(async () => expect(await rig.waiting()).toHaveLength(2));
    await rig.publish(publicationOf('/a', 2, { 'x-orderflow-discard': 'true' }), publicationOf('/b', 1));
    await settled('/b', 1);
    await rig.publish(publicationOf('/a', 1));
    await settled('/a', 1, 3);
  });

  it('times a handler out that never comes back, and counts that as a failed attempt', async () => {
    let attempts = 0;
    await rig.startConsumer(() => {}, {
      handlerTimeoutMs: 10,
      handler: {
        consumer: 'notes',
        queue: 'work',
        streams: () => [],
        prepare: () => {
          attempts += 1;
          return attempts === 1 ? new Promise(() => {}) : Promise.resolve();
        },
        handle: () => {},
      },
    });
    await rig.publish(publicationOf('/a', 1));
    await eventually(() => expect(attempts).toBe(2));
    await eventually(async () => expect(await rig.waiting()).toEqual([]));
  });

  it('stops with everything in hand settled, so that nothing is delivered twice without need', async () => {
    const runner = await rig.startConsumer(() => {});
    const sequences = Array.from({ length: 200 }, (_, index) => index + 1);
    await rig.publish(...sequences.map((n) => publicationOf('/a', n)));
    await runner.stop();
    let again = 0;
    await rig.startConsumer(({ id }) => {
      if (id === '/a#1') again += 1;
    });
    await settled('/a', ...sequences);
    expect(again).toBe(0);
  });
});
