import type { OrderViewChange, OrderViewRow } from '../../ports/orderViews.ts';

export interface ViewRow {
  readonly first_position: number;
  readonly tenant: string;
  readonly order_id: string;
  readonly version: number;
  readonly customer_id: string;
  readonly status: string;
  readonly client_reference: string | null;
  readonly placed_at: number;
  readonly document: string;
}

export const viewColumns = [
  'first_position',
  'tenant',
  'order_id',
  'version',
  'customer_id',
  'status',
  'client_reference',
  'placed_at',
  'document',
] as const;

/** For a query that calls the table `v`. */
export const selectedView = viewColumns.map((column) => `v.${column}`).join(', ');

/**
 * The list is cut into runs of positions, and customers are indexed within a run: the entries of the newest run,
 * where all inserts go, stay on few pages. The run is stored with each row, so this never changes.
 */
const runLength = 4096;

export const runOf = (position: number): number => Math.floor(position / runLength);

/** In the order of `viewColumns`. */
export const viewValues = (row: OrderViewChange, firstPosition: number): (string | number | null)[] => [
  firstPosition,
  row.tenant,
  row.orderId,
  row.version,
  row.customerId,
  row.status,
  row.clientReference,
  row.placedAt,
  row.document,
];

export const toView = (row: ViewRow): OrderViewRow => ({
  tenant: row.tenant,
  orderId: row.order_id,
  version: row.version,
  firstPosition: row.first_position,
  customerId: row.customer_id,
  status: row.status,
  clientReference: row.client_reference,
  placedAt: row.placed_at,
  document: row.document,
});
