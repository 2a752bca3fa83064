/** What an encoded envelope says of its cause; null for what it does not say, or cannot be read. */
export const readCause = (
  payload: string,
): { readonly causationId: string | null; readonly correlationId: string | null } => {
  let envelope: unknown;
  try {
    envelope = JSON.parse(payload);
  } catch {
    envelope = null;
  }
  const { causationid, correlationid } = (envelope ?? {}) as Readonly<Record<string, unknown>>;
  return { causationId: textOf(causationid), correlationId: textOf(correlationid) };
};

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
