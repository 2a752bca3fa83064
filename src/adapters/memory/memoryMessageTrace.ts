import type { MessageTrace } from '../../ports/messageTrace.ts';
import { readCause } from '../readCause.ts';
import type { Pause } from './MemoryTransaction.ts';
import type { MemoryState } from './memoryState.ts';

export const createMessageTrace = (state: MemoryState, pause: Pause): MessageTrace => ({
  outbox: async (tenant, sources, ids) => {
    await pause('trace.outbox');
    return [...state.outbox.values()]
      .filter((row) => row.tenant === tenant && (sources.includes(row.source) || ids.includes(row.id)))
      .map(({ id, source, sequence, type, payload, addedAt, dueAt, publishedAt, setAsideReason }) => ({
        id,
        source,
        sequence,
        type,
        addedAt,
        dueAt,
        publishedAt,
        setAsideReason,
        ...readCause(payload),
      }));
  },
  gates: async (tenant, sources) => {
    await pause('trace.gates');
    return [...state.gates].flatMap(([key, sequence]) => {
      const [consumer = '', ofTenant = '', source = ''] = key.split('\0');
      return ofTenant === tenant && sources.includes(source)
        ? [{ consumer, tenant: ofTenant, source, sequence }]
        : [];
    });
  },
  waiting: async (tenant, sources) => {
    await pause('trace.waiting');
    return [...state.waiting.values()]
      .flatMap((rows) => [...rows.values()])
      .filter((row) => row.tenant === tenant && sources.includes(row.source));
  },
});
