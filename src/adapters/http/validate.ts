import type { z } from 'zod';
import { invalidRequest, type Violation } from './problems.ts';

const maxViolations = 20;
const maxNameLength = 128;

type Path = readonly PropertyKey[];

/** The value as the schema makes it, or 422 with every violation, up to 20. */
export const validate = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, maxViolations);
  const violations = issues.flatMap((issue) => violationsOf(issue, value));
  throw invalidRequest(violations.slice(0, maxViolations));
};

const violationsOf = (issue: z.core.$ZodIssue, body: unknown): Violation[] => {
  const { path, message } = issue;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, maxViolations).map((key) => unknownMember([...path, key]));
    case 'invalid_type':
      return [wrongType(issue, valueAt(body, path) === undefined)];
    case 'invalid_key':
      return [violation(path, 'invalid_name', `a member name ${issue.issues[0]?.message ?? 'is invalid'}`)];
    case 'too_small':
    case 'too_big':
      return [violation(path, issue.code, message)];
    default:
      return [violation(path, 'invalid_value', message)];
  }
};

const wrongType = (issue: z.core.$ZodIssueInvalidType, isMissing: boolean): Violation => {
  if (isMissing) return violation(issue.path, 'required', 'is required');
  const isOurs = !issue.message.startsWith('Invalid input');
  return violation(issue.path, 'invalid_type', isOurs ? issue.message : `must be of type ${issue.expected}`);
};

const unknownMember = (path: Path): Violation => violation(path, 'unknown_member', 'is not a known member');

const violation = (path: Path, code: string, what: string): Violation => {
  const named = path.some((part) => String(part).length > maxNameLength) ? path.slice(0, -1) : path;
  const pointer = pointerTo(named);
  return { pointer, code, detail: `${pointer} ${what}` };
};

/** RFC 6901 section 6: escaped, and percent-encoded as part of a URI. */
export const pointerTo = (path: Path): string =>
  `#${path.map((part) => `/${encodeURIComponent(String(part).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')}`;

const valueAt = (body: unknown, path: Path): unknown => {
  let value = body;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
};
