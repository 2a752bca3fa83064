import { describe, expect, it } from 'vitest';
import type { FoundDeadLetter } from '../../src/ports/deadLetters.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { withStores } from './withStores.ts';

const letter = (id: string, changes: Partial<FoundDeadLetter> = {}): FoundDeadLetter => ({
  id,
  tenant: 'default',
  queue: 'orderflow.orders',
  messageId: `message-${id}`,
  reason: 'refused',
  error: 'no such order',
  attempts: 1,
  type: 'orderflow.inventory.stock-reserved.v1',
  source: '/orderflow/reservations/1',
  sequence: 1,
  firstSeen: 1_000,
  foundAt: 2_000,
  message: '{"payload":"…"}',
  ...changes,
});

/** The contract of `DeadLetterDesk`. */
export const deadLettersContract = (adapter: StoreAdapter): void => {
  describe('dead letters', () => {
    const subject = withStores(adapter);
    const desk = () => subject().stores.deadLetters;
    const ids = async (query: Partial<Parameters<ReturnType<typeof desk>['list']>[0]> = {}) =>
      (await desk().list({ tenant: 'default', limit: 100, ...query })).map(({ id }) => id);

    it('are kept as they were found', async () => {
      const { foundAt, ...rest } = letter('a', { error: null, sequence: null, attempts: 6 });
      await desk().keep([{ ...rest, foundAt }]);
      const expected = { ...rest, lastSeen: foundAt };
      expect(await desk().get('default', 'a')).toEqual(expected);
      expect(await desk().list({ tenant: 'default', limit: 1 })).toEqual([expected]);
    });

    it('are one for each queue and message, however often it dies; the last cause counts', async () => {
      await desk().keep([letter('a')]);
      await desk().keep([]);
      const again = {
        messageId: 'message-a',
        reason: 'exhausted',
        error: null,
        firstSeen: 5_000,
        foundAt: 6_000,
      };
      await desk().keep([letter('b', again), letter('c', { messageId: 'message-a', queue: 'other' })]);
      expect(await ids()).toEqual(['c', 'a']);
      expect(await desk().get('default', 'a')).toMatchObject({
        reason: 'exhausted',
        error: null,
        firstSeen: 1_000,
        lastSeen: 6_000,
      });
    });

    it('are one also when a message comes twice at once', async () => {
      await desk().keep([letter('a'), letter('b', { messageId: 'message-a', reason: 'crash' })]);
      expect(await ids()).toEqual(['a']);
      expect(await desk().get('default', 'a')).toMatchObject({ reason: 'crash' });
    });

    it('are listed newest first, in pages, by queue, reason and type', async () => {
      await desk().keep([
        letter('a'),
        letter('b', { queue: 'other' }),
        letter('c', { reason: 'expired' }),
        letter('d', { type: 'odd' }),
      ]);
      expect(await ids()).toEqual(['d', 'c', 'b', 'a']);
      expect(await ids({ limit: 2 })).toEqual(['d', 'c']);
      expect(await ids({ before: 'c' })).toEqual(['b', 'a']);
      expect(await ids({ queue: 'other' })).toEqual(['b']);
      expect(await ids({ reason: 'expired' })).toEqual(['c']);
      expect(await ids({ type: 'odd' })).toEqual(['d']);
      expect(await ids({ queue: 'orderflow.orders', reason: 'refused', before: 'd' })).toEqual(['a']);
    });

    it('are each their own tenant’s', async () => {
      await desk().keep([letter('a'), letter('b', { tenant: 'other', messageId: 'message-a' })]);
      expect(await ids()).toEqual(['a']);
      expect(await ids({ tenant: 'other' })).toEqual(['b']);
      expect(await desk().get('default', 'b')).toBeUndefined();
    });
  });
};
