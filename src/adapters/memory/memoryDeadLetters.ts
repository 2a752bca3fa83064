import type {
  DeadLetter,
  DeadLetterDesk,
  DeadLetterSelection,
  DeadLetterTaker,
  FoundDeadLetter,
  RedriveJob,
} from '../../ports/deadLetters.ts';
import { deleteEndedJobs } from './endedJobs.ts';
import type { MemoryTransaction, Pause } from './MemoryTransaction.ts';
import type { MemoryState } from './memoryState.ts';

export const createDeadLetterDesk = (state: MemoryState, pause: Pause): DeadLetterDesk => ({
  keep: async (letters) => {
    await pause('deadLetters.keep');
    keep(state, letters);
  },
  list: async ({ tenant, before, limit, ...selection }) => {
    await pause('deadLetters.list');
    return selected(state, tenant, selection)
      .filter(({ id }) => before === undefined || id < before)
      .reverse()
      .slice(0, limit)
      .map((letter) => ({ ...letter }));
  },
  get: async (tenant, id) => {
    await pause('deadLetters.get');
    const [found] = selected(state, tenant, { ids: [id] });
    return found && { ...found };
  },
  count: async (tenant, selection) => {
    await pause('deadLetters.count');
    return selected(state, tenant, selection).length;
  },
  job: async (tenant, id) => {
    await pause('deadLetters.job');
    return findJob(state, tenant, id);
  },
  runningJobs: async () => {
    await pause('deadLetters.runningJobs');
    return [...state.redriveJobs.values()]
      .filter((job) => job.state === 'running')
      .sort((one, other) => (one.id < other.id ? -1 : 1));
  },
  deleteJobsEndedBefore: async (before, limit) => {
    await pause('deadLetters.deleteJobsEndedBefore');
    return deleteEndedJobs(state.redriveJobs, before, limit);
  },
});

export const createDeadLetterTaker = (transaction: MemoryTransaction): DeadLetterTaker => {
  const { state } = transaction;
  const taken = new Set<DeadLetter>();
  return {
    take: ({ tenant, selection, before, limit }) =>
      transaction.step('deadLetters.take', () => {
        const letters = selected(state, tenant, selection)
          .filter((letter) => letter.id < before && !taken.has(letter))
          .slice(0, limit);
        for (const letter of letters) {
          const text = letterText(letter);
          taken.add(letter);
          transaction.rely(() => state.deadLetters.get(text) === letter);
          transaction.write(() => state.deadLetters.delete(text));
        }
        return letters.map((letter) => ({ ...letter }));
      }),
    keep: (letters) =>
      transaction.step('deadLetters.keep', () => {
        transaction.write(() => keep(state, letters));
      }),
    findJob: (tenant, id) =>
      transaction.step('deadLetters.findJob', () => {
        const job = findJob(state, tenant, id);
        transaction.rely(() => findJob(state, tenant, id) === job);
        return job;
      }),
    saveJob: (job) =>
      transaction.step('deadLetters.saveJob', () => {
        transaction.write(() => state.redriveJobs.set(job.id, { ...job }));
      }),
  };
};

const keep = (state: MemoryState, letters: readonly FoundDeadLetter[]): void => {
  for (const { foundAt, ...letter } of letters) {
    const { id, firstSeen } = state.deadLetters.get(letterText(letter)) ?? letter;
    state.deadLetters.set(letterText(letter), { ...letter, id, firstSeen, lastSeen: foundAt });
  }
};

const letterText = (letter: Pick<DeadLetter, 'tenant' | 'queue' | 'source' | 'messageId'>): string =>
  `${letter.tenant}\n${letter.queue}\n${letter.source}\n${letter.messageId}`;

/** Oldest first. */
const selected = (
  state: MemoryState,
  tenant: string,
  { ids, queue, reason, type, redrivable }: DeadLetterSelection,
): DeadLetter[] =>
  [...state.deadLetters.values()]
    .filter(
      (letter) =>
        letter.tenant === tenant &&
        (ids === undefined || ids.includes(letter.id)) &&
        (queue === undefined || letter.queue === queue) &&
        (reason === undefined || letter.reason === reason) &&
        (type === undefined || letter.type === type) &&
        (redrivable === undefined || letter.redrivable === redrivable),
    )
    .sort((one, other) => (one.id < other.id ? -1 : 1));

const findJob = (state: MemoryState, tenant: string, id: string): RedriveJob | undefined => {
  const job = state.redriveJobs.get(id);
  return job?.tenant === tenant ? job : undefined;
};
