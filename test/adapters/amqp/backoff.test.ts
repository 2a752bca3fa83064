import { describe, expect, it } from 'vitest';
import { fullJitter, reconnectBackoff } from '../../../src/adapters/amqp/backoff.ts';

describe('the waits between two attempts to connect', () => {
  it('grow, and are never longer than a second, so that a broker that is back is found soon', () => {
    const longest = [0, 1, 2, 3, 10, 1_000].map((attempt) => fullJitter(reconnectBackoff, attempt, () => 1));
    expect(longest).toEqual([200, 400, 800, 1_000, 1_000, 1_000]);
  });
});
