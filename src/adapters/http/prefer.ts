const waitPreference = /(?:^|,)\s*wait\s*=\s*(?:"(\d{1,9})"|(\d{1,9}))\s*(?=[,;]|$)/i;

/**
 * The seconds of `Prefer: wait=N` (RFC 7240), 1 to 30; undefined without it. What is unknown or out of range is
 * ignored, and of several the first counts.
 */
export const readWaitSeconds = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const [, quoted, bare] = waitPreference.exec(text) ?? [];
  const seconds = Number(quoted ?? bare);
  return seconds >= 1 && seconds <= 30 ? seconds : undefined;
};
