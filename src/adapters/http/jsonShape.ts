/** What can be told of JSON text without building its value. */
export interface JsonShape {
  readonly depth: number;
  /** Members of all objects together: each has exactly one colon outside of strings. */
  readonly members: number;
  /** Whether JSON.parse would round a fraction to an integer. */
  readonly rounds: boolean;
}

const quote = 0x22;
const backslash = 0x5c;

/** One pass over the text. What it returns for text that is not JSON does not matter: parsing then fails. */
export const measureJson = (text: string): JsonShape => {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  let rounds = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at);
        break;
      case 0x3a: // :
        members += 1;
        break;
      case 0x7b: // {
      case 0x5b: // [
        depth += 1;
        if (depth > deepest) deepest = depth;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth -= 1;
        break;
      case 0x2e: // .
      case 0x45: // E
      case 0x65: // e, also in true and false
        if (isNumberPart(text.charCodeAt(at - 1))) {
          const end = endOfNumber(text, at);
          rounds ||= roundsToInteger(text.slice(startOfNumber(text, at), end));
          at = end - 1;
        }
        break;
    }
  }
  return { depth: deepest, members, rounds };
};

/** A digit, a sign, a point or the letter of an exponent: one run of them is one number. */
const isNumberPart = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  code === 0x2e ||
  code === 0x65 ||
  code === 0x45 ||
  code === 0x2b ||
  code === 0x2d;

const startOfNumber = (text: string, at: number): number => {
  let start = at;
  while (isNumberPart(text.charCodeAt(start - 1))) start -= 1;
  return start;
};

const endOfNumber = (text: string, at: number): number => {
  let end = at;
  while (isNumberPart(text.charCodeAt(end))) end += 1;
  return end;
};

const endOfString = (text: string, start: number): number => {
  let at = start + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote) return at;
    at += code === backslash ? 2 : 1;
  }
  return at;
};

const decimal = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Whether a number that is no integer reads as one: 1.00000000000000000001 does, 1.0 is one. */
export const roundsToInteger = (source: string): boolean => {
  const match = decimal.exec(source);
  if (match === null || !Number.isSafeInteger(Number(source))) return false;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const significant = lengthWithoutTrailingZeros(digits);
  return significant > 0 && Number(exponent) - fraction.length + digits.length - significant < 0;
};

/** Not the pattern `0+$`, which takes quadratic time on a long run of zeros that ends in something else. */
const lengthWithoutTrailingZeros = (digits: string): number => {
  let length = digits.length;
  while (length > 0 && digits.charCodeAt(length - 1) === 0x30) length -= 1;
  return length;
};
