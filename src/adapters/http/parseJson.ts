import { isAscii, isUtf8 } from 'node:buffer';
import { measureJson, roundsToInteger } from './jsonShape.ts';
import { HttpProblem } from './problems.ts';

const maxDepth = 32;

/**
 * Bytes to a JSON value, or 400 `invalid_json`: not UTF-8, a byte order mark, empty, malformed, a bare scalar, nested
 * deeper than 32, or an object with the same member twice (of which readers keep the first or the last, as they like).
 *
 * A number that JSON.parse would round to an integer (1.00000000000000000001) becomes NaN, which every schema refuses.
 */
export const parseJson = (bytes: Buffer): object => {
  const text = decode(bytes);
  const shape = measureJson(text);
  if (shape.depth > maxDepth) throw invalid(`The body is nested deeper than ${maxDepth} levels.`);
  const value = parse(text, shape.rounds);
  if (typeof value !== 'object' || value === null)
    throw invalid('The body must be a JSON object, not a bare value.');
  if (countMembers(value) !== shape.members) throw invalid('A member name appears twice in one object.');
  return value;
};

const decode = (bytes: Buffer): string => {
  if (bytes.length === 0) throw invalid('The body is empty.');
  if (isAscii(bytes)) return bytes.toString('latin1');
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    throw invalid('The body starts with a byte order mark.');
  if (!isUtf8(bytes)) throw invalid('The body is not valid UTF-8.');
  return bytes.toString('utf8');
};

const parse = (text: string, rounds: boolean): unknown => {
  try {
    return rounds ? JSON.parse(text, unrounded) : JSON.parse(text);
  } catch {
    // The engine's message quotes the body, which may hold what does not belong into answers and logs.
    throw invalid('The body is not well-formed JSON.');
  }
};

const countMembers = (value: object): number => {
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) count += countMembers(item);
    return count;
  }
  for (const name of Object.keys(value)) {
    count += 1;
    const item = (value as Record<string, unknown>)[name];
    if (typeof item === 'object' && item !== null) count += countMembers(item);
  }
  return count;
};

/** A reviver that looks at how a number was written: ECMAScript gives the source text of primitive values. */
const unrounded = (_name: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === 'number' && roundsToInteger(context?.source ?? '') ? Number.NaN : value;

const invalid = (detail: string): HttpProblem => new HttpProblem('invalid_json', detail);
