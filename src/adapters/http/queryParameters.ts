import { z } from 'zod';
import { invalidRequest, type Violation } from './problems.ts';
import { pointerTo } from './validate.ts';

/** How many items a page has at most. */
export const limitParameter = z
  .string()
  .regex(/^([1-9]|[1-9]\d|1\d\d|200)$/, 'must be an integer from 1 to 200')
  .transform(Number);

/**
 * The query as named values, each checked by its schema. Unknown, repeated and bad parameters are 422 with pointer
 * `#/query/<name>`. Every call takes only the parameters it knows: a misspelled filter must not list everything.
 */
export const readQuery = <Shape extends Record<string, z.ZodType>>(
  query: string,
  shape: Shape,
): { readonly [Name in keyof Shape]?: z.output<Shape[Name]> } => {
  if (query === '') return {};
  const violations: Violation[] = [];
  const values: Record<string, unknown> = {};
  const seen = new Set<string>();
  for (const [name, text] of decodeQuery(query)) {
    const schema = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (schema === undefined)
      violations.push(flaw(name, 'unknown_parameter', 'is not a parameter of this call'));
    else if (seen.has(name)) violations.push(flaw(name, 'repeated_parameter', 'must be given once'));
    else {
      const result = schema.safeParse(text);
      if (result.success) values[name] = result.data;
      else violations.push(flaw(name, 'invalid_value', result.error.issues[0]?.message ?? 'is invalid'));
    }
    seen.add(name);
  }
  if (violations.length > 0) throw invalidRequest(violations.slice(0, 20));
  // Each value was made by the schema of its name.
  return values as { [Name in keyof Shape]?: z.output<Shape[Name]> };
};

/** URLSearchParams replaces what it cannot decode, and then something else would be searched for. */
const decodeQuery = (query: string): URLSearchParams => {
  try {
    decodeURIComponent(query);
  } catch {
    throw invalidRequest([flaw('', 'invalid_value', 'is not valid percent-encoded UTF-8')]);
  }
  return new URLSearchParams(query);
};

const flaw = (name: string, code: string, what: string): Violation => {
  const pointer = pointerTo(name === '' || name.length > 128 ? ['query'] : ['query', name]);
  return { pointer, code, detail: `${pointer} ${what}` };
};

export const badParameter = (name: string, what: string) =>
  invalidRequest([flaw(name, 'invalid_value', what)]);
