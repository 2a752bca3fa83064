import { it } from 'vitest';
import { runPoison } from '../support/poisonRun.ts';
import { describeWithService } from '../support/services.ts';

describeWithService('rabbitmq', 'poison in a real queue', () => {
  it('ends at the desk with its reason, holds its successors only, and is handled in order after the fix', async () => {
    await runPoison({ messages: 2_000, poison: 200, timeoutMs: 100_000 });
  }, 120_000);
});
