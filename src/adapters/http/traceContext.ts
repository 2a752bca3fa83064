/** Version, trace id, parent id, flags; W3C Trace Context section 3.2. All-zero ids and version ff are invalid. */
const traceparentShape =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The caller's trace context as version 00, or undefined when there is none that is valid. */
export const readTraceparent = (header: string | undefined): string | undefined => {
  if (header === undefined) return undefined;
  const match = traceparentShape.exec(header);
  if (match === null) return undefined;
  const [, version, traceId, parentId, flags, rest] = match;
  // Later versions may have more fields, which are to be ignored; version 00 has none.
  return version === '00' && rest !== undefined ? undefined : `00-${traceId}-${parentId}-${flags}`;
};

/** Starts a trace. The 32 digits of a UUID make a valid trace id, and their second half a valid parent id. */
export const startTrace = (uuid: string): string => {
  const digits = uuid.replaceAll('-', '');
  return `00-${digits}-${digits.slice(16)}-01`;
};

export const traceIdOf = (traceparent: string): string => traceparent.slice(3, 35);
