import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Binding, type Exchange, headersMatch, route } from '../../../src/adapters/memory/routing.ts';
import type { HeaderValue } from '../../../src/ports/broker.ts';
import { topicMatches } from '../../../src/ports/topicMatches.ts';
import { propertyOptions } from '../../support/properties.ts';
import { describeWithService } from '../../support/services.ts';
import { type RoutedProbe, realRouting } from './realRouting.ts';

describe('topic patterns', () => {
  it.each([
    ['#', '', true],
    ['#', 'a.b', true],
    ['*', '', false],
    ['*', 'a', true],
    ['', '', true],
    ['', 'a', false],
    ['a.*.c', 'a..c', true],
    ['a.#.c', 'a.c', true],
    ['a.#.c', 'a.b.b.c', true],
    ['a.#.c', 'a.b.c.d', false],
    ['#.b.#', 'a.b.c', true],
    ['*.#', '', false],
    ['#.a.b', 'a.a.b', true],
    ['a.b', 'a.b.', false],
  ])('%j takes %j: %j', (pattern, key, taken) => {
    expect(topicMatches(pattern, key)).toBe(taken);
  });

  it('a pattern of many # does not take for ever', () => {
    const pattern = Array.from({ length: 60 }, () => '#.a').join('.');
    const started = performance.now();
    expect(topicMatches(pattern, `${'a.'.repeat(80)}b`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('header matching', () => {
  it.each([
    [{}, {}, true],
    [{ 'x-match': 'any' }, { a: '1' }, false],
    [{ a: '1' }, { a: '1', b: '2' }, true],
    [{ a: '1' }, { a: 1 }, false],
    [{ a: '1', 'x-b': '2' }, { a: '1' }, true],
    [{ a: '1', 'x-b': '2', 'x-match': 'all-with-x' }, { a: '1' }, false],
    [{ 'x-b': '2', 'x-match': 'any-with-x' }, { 'x-b': '2' }, true],
  ] as const)('%j takes %j: %j', (args, headers, taken) => {
    expect(headersMatch(args, headers)).toBe(taken);
  });
});

const words = (word: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(word, { maxLength: 5 }).map((list) => list.join('.'));
const key = words(fc.constantFrom('', 'a', 'b', 'ab', '*', '#'));
const pattern = words(fc.constantFrom('', 'a', 'b', 'ab', '*', '*', '#', '#'));

const name = fc.constantFrom('a', 'b', 'c', 'x-a', 'x-b');
const headers: fc.Arbitrary<Record<string, HeaderValue>> = fc.dictionary(
  name,
  fc.constantFrom<HeaderValue>('1', '2', '', 1, 2.5, true, null, ['1'], { a: '1' }),
  { maxKeys: 4 },
);
const headerArguments: fc.Arbitrary<Record<string, string>> = fc
  .tuple(
    fc.dictionary(name, fc.constantFrom('1', '2', ''), { maxKeys: 3 }),
    fc.constantFrom('all', 'any', 'all-with-x', 'any-with-x', undefined),
  )
  .map(([args, mode]) => (mode === undefined ? args : { ...args, 'x-match': mode }));

const reachedInMemory = (exchanges: ReadonlyMap<string, Exchange>, probes: readonly RoutedProbe[]) =>
  probes.map((probe) => [...route(exchanges, probe.exchange, probe.routingKey, probe.headers)].toSorted());

const reachedForReal = async (exchanges: ReadonlyMap<string, Exchange>, probes: readonly RoutedProbe[]) =>
  (await realRouting(exchanges, probes)).map((queues) => queues.toSorted());

/** One queue for each binding, so that a difference names the binding. */
const oneExchange = (
  type: Exchange['type'],
  bindings: readonly Pick<Binding, 'routingKey' | 'arguments'>[],
) =>
  new Map<string, Exchange>([
    [
      'exchange',
      {
        type,
        bindings: bindings.map((binding, index) => ({
          ...binding,
          destination: `queue-${index}`,
          destinationType: 'queue',
        })),
      },
    ],
  ]);

describeWithService('rabbitmq', 'routing in memory is the routing of RabbitMQ', () => {
  it('for topic patterns and keys', async () => {
    const batch = fc.record({
      patterns: fc.uniqueArray(pattern, { minLength: 20, maxLength: 60 }),
      keys: fc.uniqueArray(key, { minLength: 50, maxLength: 150 }),
    });
    const property = fc.asyncProperty(batch, async ({ patterns, keys }) => {
      const exchanges = oneExchange(
        'topic',
        patterns.map((routingKey) => ({ routingKey, arguments: {} })),
      );
      const probes = keys.map((routingKey) => ({ exchange: 'exchange', routingKey, headers: {} }));
      expect(reachedInMemory(exchanges, probes)).toEqual(await reachedForReal(exchanges, probes));
    });
    await fc.assert(property, propertyOptions({ numRuns: 5 }));
  });

  it('for header arguments and headers', async () => {
    const batch = fc.record({
      bindings: fc.uniqueArray(headerArguments, { minLength: 20, maxLength: 50, selector: JSON.stringify }),
      messages: fc.array(headers, { minLength: 50, maxLength: 150 }),
    });
    const property = fc.asyncProperty(batch, async ({ bindings, messages }) => {
      const exchanges = oneExchange(
        'headers',
        bindings.map((args) => ({ routingKey: '', arguments: args })),
      );
      const probes = messages.map((message) => ({ exchange: 'exchange', routingKey: '', headers: message }));
      expect(reachedInMemory(exchanges, probes)).toEqual(await reachedForReal(exchanges, probes));
    });
    await fc.assert(property, propertyOptions({ numRuns: 5 }));
  });

  it('for exchanges of all types that lead to each other, in circles too', async () => {
    const types = fc.array(fc.constantFrom<Exchange['type']>('topic', 'direct', 'fanout', 'headers'), {
      minLength: 3,
      maxLength: 6,
    });
    const batch = types.chain((list) => {
      const index = fc.nat({ max: list.length - 1 });
      const binding = fc.record({
        source: index,
        target: fc.oneof(
          index.map((number) => ({
            destinationType: 'exchange' as const,
            destination: `exchange-${number}`,
          })),
          fc.nat({ max: 9 }).map((n) => ({ destinationType: 'queue' as const, destination: `queue-${n}` })),
        ),
        routingKey: fc.oneof(pattern, key),
        arguments: headerArguments,
      });
      const probe = fc.record({ exchange: index, routingKey: key, headers });
      return fc.record({
        types: fc.constant(list),
        bindings: fc.array(binding, { minLength: 5, maxLength: 40 }),
        probes: fc.array(probe, { minLength: 30, maxLength: 100 }),
      });
    });
    const property = fc.asyncProperty(batch, async (given) => {
      const exchanges = new Map<string, Exchange>(
        given.types.map((type, index) => [
          `exchange-${index}`,
          {
            type,
            bindings: given.bindings
              .filter(({ source }) => source === index)
              .map(({ target, routingKey, arguments: args }) => ({
                ...target,
                routingKey,
                // Only a headers exchange heeds arguments, and only it checks them.
                arguments: type === 'headers' ? args : {},
              })),
          },
        ]),
      );
      const probes = given.probes.map((probe) => ({ ...probe, exchange: `exchange-${probe.exchange}` }));
      expect(reachedInMemory(exchanges, probes)).toEqual(await reachedForReal(exchanges, probes));
    });
    await fc.assert(property, propertyOptions({ numRuns: 8 }));
  });
});
