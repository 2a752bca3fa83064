import { type IncomingMessage, PermanentFailure } from './incomingMessage.ts';

/**
 * Reads members of a message's data. What is not as the message contract has it can never be handled, however often
 * it is tried: every reader throws a `PermanentFailure` that names the type and the member.
 */
export const textIn = (message: IncomingMessage, name: string): string => {
  const value = memberOf(message.data, name);
  if (typeof value === 'string' && value !== '') return value;
  throw malformed(message, name, 'a text');
};

/** A safe integer from `min` up. */
export const wholeNumberIn = (message: IncomingMessage, name: string, min = 0): number => {
  const value = memberOf(message.data, name);
  if (Number.isSafeInteger(value) && Number(value) >= min) return Number(value);
  throw malformed(message, name, `a whole number from ${min} up`);
};

/** A list whose every item `read` accepts; undefined from `read` means that it does not. */
export const listIn = <Item>(
  message: IncomingMessage,
  name: string,
  read: (item: unknown) => Item | undefined,
): readonly Item[] => {
  const value = memberOf(message.data, name);
  const items = Array.isArray(value) ? value.map(read) : [undefined];
  if (items.every((item) => item !== undefined)) return items as readonly Item[];
  throw malformed(message, name, 'a list as agreed');
};

export const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

const malformed = ({ type }: IncomingMessage, name: string, wanted: string): PermanentFailure =>
  new PermanentFailure(`${type}: data.${name} is not ${wanted}`);
