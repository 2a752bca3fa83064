import type { ProcessRegister } from '../../ports/processRegister.ts';
import type { Pause } from './MemoryTransaction.ts';
import type { MemoryState } from './memoryState.ts';

export const createProcessRegister = (state: MemoryState, pause: Pause): ProcessRegister => ({
  beat: async ({ id, beats }) => {
    await pause('processes.beat');
    state.processes.set(id, beats);
  },
  others: async (id) => {
    await pause('processes.others');
    return [...state.processes]
      .filter(([other]) => other !== id)
      .map(([other, beats]) => ({ id: other, beats }));
  },
  remove: async (ids) => {
    await pause('processes.remove');
    for (const id of ids) state.processes.delete(id);
  },
});
