import type { Answer } from './DemoClient.ts';

/** What the demo was answered, and whether that was as it should be. */
export type Books = ReturnType<typeof openBooks>;

export const openBooks = () => ({
  /** The last version that each accepted order was answered with. */
  versions: new Map<string, number>(),
  cancelled: 0,
  copies: 0,
  replayed: 0,
  refused: new Map<string, number>(),
  surprises: [] as string[],
});

/** Remembers the order of an answer that is as expected, and returns it; any other answer is a surprise. */
export const accepted = (
  books: Books,
  what: string,
  answer: Answer | Error,
  status: number,
): { readonly id: string } | undefined => {
  if (answer instanceof Error || answer.status !== status) {
    books.surprises.push(`${what}: ${told(answer)}`);
    return undefined;
  }
  const order = JSON.parse(answer.body) as { readonly id: string; readonly version: number };
  books.versions.set(order.id, Math.max(order.version, books.versions.get(order.id) ?? 0));
  return order;
};

/** Two copies that arrive at once: one does the work, the other gets the same answer. */
export const compareCopies = (books: Books, one: Answer | Error, other: Answer | Error | undefined): void => {
  books.copies += 1;
  if (one instanceof Error || other === undefined || other instanceof Error) return;
  const replays = [one, other].filter(({ headers }) => headers['idempotent-replayed'] === 'true').length;
  const same =
    one.status === other.status &&
    one.body === other.body &&
    one.headers.location === other.headers.location &&
    one.headers.etag === other.headers.etag;
  // Both are replays when the first answer was lost on the way and its request sent again.
  if (same && replays >= 1) books.replayed += 1;
  else
    books.surprises.push(`two copies of a request were answered differently: ${told(one)}; ${told(other)}`);
};

export const expectRefusal = (books: Books, answer: Answer | Error, codes: readonly string[]): void => {
  const code = answer instanceof Error ? undefined : problemCode(answer);
  if (code !== undefined && codes.includes(code)) books.refused.set(code, (books.refused.get(code) ?? 0) + 1);
  else books.surprises.push(`expected ${codes.join(' or ')}, but: ${told(answer)}`);
};

const problemCode = ({ headers, body }: Answer): string | undefined =>
  headers['content-type']?.startsWith('application/problem+json')
    ? (JSON.parse(body) as { readonly code?: string }).code
    : undefined;

export const told = (answer: Answer | Error): string =>
  answer instanceof Error ? answer.message : `${answer.status} ${answer.body.slice(0, 200)}`;
