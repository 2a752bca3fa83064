import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundsToInteger } from '../../src/adapters/http/jsonShape.ts';
import { parseJson } from '../../src/adapters/http/parseJson.ts';
import { propertyOptions } from '../support/properties.ts';

const refusal = (text: string): string => {
  try {
    parseJson(Buffer.from(text));
    return 'accepted';
  } catch (failure) {
    return failure instanceof Error ? failure.message : 'not an error';
  }
};

const anObject = fc.dictionary(
  fc.string({ unit: 'binary' }),
  fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }),
  { minKeys: 1 },
);

describe('parseJson', () => {
  test('property: takes every object and array as JSON.parse does, with any blanks', async () => {
    const blanks = fc.constantFrom(undefined, ' ', '\t', '\n\n');
    fc.assert(
      fc.property(fc.oneof(anObject, fc.array(fc.jsonValue({ maxDepth: 5 }))), blanks, (value, blank) => {
        const text = JSON.stringify(value, null, blank);
        expect(parseJson(Buffer.from(text))).toEqual(JSON.parse(text));
      }),
      propertyOptions({ numRuns: 500 }),
    );
  });

  test('property: a member that appears twice is always found, wherever it is', () => {
    fc.assert(
      fc.property(
        anObject,
        fc.nat(),
        fc.jsonValue({ maxDepth: 3 }),
        fc.nat(20),
        (value, pick, again, depth) => {
          const names = Object.keys(value);
          const name = names[pick % names.length] ?? '';
          const text = JSON.stringify(value);
          const twice = `${text.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(again)}}`;
          const deep = `${'[{"a":'.repeat(depth / 2)}${twice}${'}]'.repeat(depth / 2)}`;
          expect(refusal(deep)).toMatch(/twice|deeper/);
        },
      ),
      propertyOptions({ numRuns: 500 }),
    );
  });

  test('property: depth is counted exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (kinds) => {
        const text = kinds.reduceRight(
          (inner, isArray) => (isArray ? `[${inner}]` : `{"}":${inner || '"{["'}}`),
          '',
        );
        expect(refusal(text)).toBe(
          kinds.length > 32 ? 'The body is nested deeper than 32 levels.' : 'accepted',
        );
      }),
      propertyOptions({ numRuns: 300 }),
    );
  });

  test('property: a number is rounded to an integer exactly when its decimal value is none', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0000123456789'), minLength: 1, maxLength: 30 });
    const written = fc
      .record({
        sign: fc.constantFrom('', '-'),
        whole: digits,
        fraction: fc.option(digits),
        exponent: fc.option(fc.integer({ min: -40, max: 40 })),
      })
      .map(({ sign, whole, fraction, exponent }) => {
        const text = `${sign}${whole.replace(/^0+(?=\d)/, '')}${fraction === null ? '' : `.${fraction}`}`;
        return {
          text: exponent === null ? text : `${text}e${exponent}`,
          units: BigInt(whole + (fraction ?? '')),
          scale: (exponent ?? 0) - (fraction?.length ?? 0),
        };
      });
    fc.assert(
      fc.property(written, ({ text, units, scale }) => {
        const isInteger = scale >= 0 || units % 10n ** BigInt(-scale) === 0n;
        expect(roundsToInteger(text)).toBe(Number.isSafeInteger(Number(text)) && !isInteger);
        const parsed = parseJson(Buffer.from(`[${text},"${text}"]`));
        expect(parsed).toEqual([roundsToInteger(text) ? Number.NaN : Number(text), text]);
      }),
      propertyOptions({ numRuns: 2_000 }),
    );
  });
});
