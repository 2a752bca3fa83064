import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';
import type { Ids } from '../../ports/ids.ts';

const bytesPerId = 16;

/**
 * Monotonic within the process, also when the wall clock steps back: it then counts on from the last id.
 *
 * Random bytes are drawn for a thousand ids at once. uuid draws them for each: a system call that took half of the
 * processor time of the whole intake.
 */
const createUuidV7Ids = (): Ids => {
  const pool = new Uint8Array(bytesPerId * 1024);
  let used = pool.length;
  let msecs = 0;
  let seq = 0;

  const randomBytes = (): Uint8Array => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += bytesPerId;
    return pool.subarray(used - bytesPerId, used);
  };

  const next = (): string => {
    const random = randomBytes();
    const now = Date.now();
    if (now > msecs) {
      msecs = now;
      // Starts in the lower half of 32 bits: 2^31 ids fit into one millisecond before it must borrow the next one.
      seq = new DataView(random.buffer, random.byteOffset).getUint32(6) >>> 1;
    } else {
      seq = (seq + 1) | 0;
      if (seq === 0) msecs += 1;
    }
    return v7({ random, msecs, seq });
  };

  return { next };
};

export const uuidV7Ids: Ids = createUuidV7Ids();
