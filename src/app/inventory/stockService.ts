import { type StockState, stockDocument } from '../../domain/inventory/stock.ts';
import type { StockOutcome, StockRequest, StockService, VersionedStock } from '../../ports/stockService.ts';
import type { Stores } from '../../ports/stores.ts';
import { readState } from '../commands/readState.ts';
import type { WritePipeline } from '../commands/WritePipeline.ts';
import type { Session } from '../commands/work.ts';
import { sourceOf } from '../messaging/envelope.ts';
import { stockModel, stockStream } from './inventoryModels.ts';

export interface StockServiceParts {
  readonly pipeline: WritePipeline;
  readonly stores: Pick<Stores, 'events' | 'snapshots'>;
  readonly waiters: {
    waitFor(tenant: string, source: string, sequence: number, timeoutMs: number): Promise<boolean>;
  };
}

export const stockService = ({ pipeline, stores, waiters }: StockServiceParts): StockService => ({
  set: (request) =>
    pipeline.submit({
      cause: request.cause,
      streams: [stockStream(request.sku)],
      bytes: request.bytes ?? 0,
      run: (session) => setStock(session, request),
      ...(request.repeatable === undefined ? {} : { repeatable: request.repeatable }),
    }),
  published: async (tenant, wrote, timeoutMs) =>
    wrote !== null && waiters.waitFor(tenant, sourceOf(wrote.stream), wrote.sequence, timeoutMs),
  get: async (tenant, sku) => {
    const { state, version } = await readState(stockModel, stores, tenant, sku);
    return state === null ? undefined : documentOf(sku, state, version);
  },
});

const setStock = (session: Session, { sku, onHand, at, ifMatch }: StockRequest): StockOutcome => {
  const { version } = session.load(stockModel, sku);
  if (ifMatch !== undefined && !ifMatch.includes(version))
    return { kind: 'version_mismatch', actual: version };
  const decision = session.execute(stockModel, sku, { type: 'SetStock', at, onHand });
  if (!decision.ok) return { kind: 'refused', error: decision.error };
  const after = session.load(stockModel, sku);
  return { kind: 'accepted', ...documentOf(sku, after.state, after.version) };
};

const documentOf = (sku: string, stock: StockState, version: number): VersionedStock => {
  if (stock === null) throw new Error('this SKU was never counted');
  return { version, stock: stockDocument(sku, stock) };
};
