/** An order's tag is its version in quotes: strong, because a version's document never changes. */
export const entityTag = (version: number): string => `"${version}"`;

const tagList = /^[ \t]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t]*|$))+$/;
const tags = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g;
const versionShape = /^[1-9]\d{0,15}$/;

/**
 * The versions that an If-Match header accepts; undefined when any will do (no header, or `*`). A malformed header
 * and weak tags accept none: RFC 9110 section 13.1.1 compares strongly.
 */
export const readIfMatch = (text: string | undefined): readonly number[] | undefined => {
  if (text === undefined || text.trim() === '*') return undefined;
  if (!tagList.test(text)) return [];
  return [...text.matchAll(tags)].flatMap(([, weak, tag = '']) =>
    weak === undefined && versionShape.test(tag) ? [Number(tag)] : [],
  );
};

/** Whether an If-None-Match header names this version, compared weakly; a malformed one names nothing. */
export const noneMatches = (text: string | undefined, version: number): boolean => {
  if (text === undefined) return false;
  if (text.trim() === '*') return true;
  return tagList.test(text) && [...text.matchAll(tags)].some(([, , tag]) => tag === String(version));
};
