import { z } from 'zod';

/** In code points. */
export const maxTextLength = 512;

/** Counted in code points: a character outside of the basic plane is one, not two. */
const isLongerThan = (text: string, limit: number): boolean => {
  if (text.length <= limit) return false;
  if (text.length > limit * 2) return true;
  let count = 0;
  for (const _ of text) count += 1;
  return count > limit;
};

const flaw = (text: string, limit: number): string | undefined => {
  if (isLongerThan(text, limit)) return `must have at most ${limit} characters`;
  if (!text.isWellFormed()) return 'must be well-formed Unicode, without lone surrogates';
  return text.includes('\0') ? 'must not contain NUL' : undefined;
};

/** Text of up to `limit` code points, possibly empty: well-formed Unicode without NUL. */
export const textSchema = (limit = maxTextLength) =>
  z.string().check((context) => {
    const message = flaw(context.value, limit);
    if (message !== undefined) context.issues.push({ code: 'custom', input: context.value, message });
  });

const visibleAscii = /^[\x21-\x7e]{1,64}$/;
const visible = /^[^\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]{1,64}$/u;

/**
 * Ids and SKUs: 1 to 64 code points that can be seen, of any script. Blanks of every kind (the Braille one too),
 * control and format characters, fillers, what Unicode has not assigned, and lone surrogates are none.
 */
export const isVisibleId = (text: string): boolean => visibleAscii.test(text) || visible.test(text);

export const idSchema = z
  .string()
  .refine(isVisibleId, { error: 'must have 1 to 64 visible characters, without blanks' });
