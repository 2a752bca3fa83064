import { it } from 'vitest';
import { runPoison } from '../support/poisonRun.ts';
import { describeWithService } from '../support/services.ts';

describeWithService('rabbitmq', 'ten thousand poison messages among a hundred thousand', () => {
  it('end at the desk with their reasons, hold their successors only, and are handled in order after the fix', async () => {
    await runPoison({ messages: 100_000, poison: 10_000, timeoutMs: 900_000 });
  }, 1_800_000);
});
