import type { ActionReader, ActionRecorder } from '../../ports/adminActions.ts';
import type { RelaySwitchKeeper, RelaySwitchReader } from '../../ports/relaySwitch.ts';
import type { ReplayCleaner, ReplayJob, ReplayKeeper, ReplayReader } from '../../ports/replays.ts';
import { deleteEndedJobs } from './endedJobs.ts';
import type { MemoryTransaction, Pause } from './MemoryTransaction.ts';
import type { MemoryState } from './memoryState.ts';

export const createActionReader = (state: MemoryState, pause: Pause): ActionReader => ({
  list: async ({ tenant, before, limit }) => {
    await pause('actions.list');
    return state.adminActions
      .filter((action) => action.tenant === tenant && (before === undefined || action.id < before))
      .sort((one, other) => (one.id < other.id ? 1 : -1))
      .slice(0, limit);
  },
});

export const createActionRecorder = (transaction: MemoryTransaction): ActionRecorder => ({
  record: (action) =>
    transaction.step('actions.record', () => {
      transaction.write(() => transaction.state.adminActions.push({ ...action }));
    }),
});

export const createRelaySwitchReader = (state: MemoryState, pause: Pause): RelaySwitchReader => ({
  read: async () => {
    await pause('relaySwitch.read');
    return state.relaySwitch;
  },
});

export const createRelaySwitchKeeper = (transaction: MemoryTransaction): RelaySwitchKeeper => ({
  set: ({ paused, at, by }) =>
    transaction.step('relaySwitch.set', () => {
      transaction.write(() => {
        transaction.state.relaySwitch = { paused, changedAt: at, changedBy: by };
      });
    }),
});

export const createReplayReader = (state: MemoryState, pause: Pause): ReplayReader => ({
  job: async (tenant, id) => {
    await pause('replays.job');
    return findJob(state, tenant, id);
  },
  runningJobs: async () => {
    await pause('replays.runningJobs');
    return [...state.replayJobs.values()]
      .filter((job) => job.state === 'running')
      .sort((one, other) => (one.id < other.id ? -1 : 1));
  },
});

export const createReplayCleaner = (state: MemoryState, pause: Pause): ReplayCleaner => ({
  deleteEndedBefore: async (before, limit) => {
    await pause('replays.deleteEndedBefore');
    return deleteEndedJobs(state.replayJobs, before, limit);
  },
});

export const createReplayKeeper = (transaction: MemoryTransaction): ReplayKeeper => {
  const { state } = transaction;
  return {
    findJob: (tenant, id) =>
      transaction.step('replays.findJob', () => {
        const job = findJob(state, tenant, id);
        transaction.rely(() => findJob(state, tenant, id) === job);
        return job;
      }),
    saveJob: (job) =>
      transaction.step('replays.saveJob', () => {
        transaction.write(() => state.replayJobs.set(job.id, { ...job }));
      }),
    recordStart: (queue, at) =>
      transaction.step('replays.recordStart', () => {
        const known = state.queueStarts.has(queue);
        transaction.rely(() => state.queueStarts.has(queue) === known);
        if (!known) transaction.write(() => state.queueStarts.set(queue, at));
        return !known;
      }),
  };
};

const findJob = (state: MemoryState, tenant: string, id: string): ReplayJob | undefined => {
  const job = state.replayJobs.get(id);
  return job?.tenant === tenant ? job : undefined;
};
