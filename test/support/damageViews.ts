import fc from 'fast-check';
import type { OrderViewRow } from '../../src/ports/orderViews.ts';
import type { ViewsDatabase } from './viewsWorld.ts';

/** Something that nobody should do to a row; `to` chooses among the positions and names where one is needed. */
export interface Damage {
  readonly kind: 'delete' | 'status' | 'version' | 'document' | 'position' | 'order' | 'tenant' | 'stray';
  readonly row: number;
  readonly to: number;
}

export const anyDamage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom<Damage['kind']>(
    ...(['delete', 'status', 'version', 'document', 'position', 'order', 'tenant', 'stray'] as const),
  ),
  row: fc.nat(20),
  to: fc.integer({ min: -2, max: 40 }),
});

/** Applies what can be applied: two rows never share a position or an order. Returns whether anything was. */
export const damageViews = async (database: ViewsDatabase, damages: readonly Damage[]): Promise<boolean> => {
  if (damages.length === 0) return false;
  const rows = [...(await database.rows())];
  let done = false;
  for (const { kind, row: which, to } of damages) {
    const index = rows.length === 0 ? 0 : which % rows.length;
    const row = rows[index];
    const others = row === undefined ? [] : rows.toSpliced(index, 1);
    const after = kind === 'stray' ? [...rows, stray(to)] : row && [...others, ...damagedRow(kind, row, to)];
    if (after === undefined || clash(after)) continue;
    rows.splice(0, rows.length, ...after);
    done = true;
  }
  await database.setRows(rows);
  return done;
};

/** Not a position that the log has yet to give out: with one of those no new order could be stored. */
const position = (to: number): number => (to > 20 ? 1_000_000 + to : to);

const stray = (to: number): OrderViewRow => ({
  tenant: 'default',
  orderId: `stray-${to}`,
  version: 1,
  firstPosition: position(to),
  customerId: 'nobody',
  status: 'pending',
  clientReference: null,
  placedAt: 0,
  document: '{}',
});

const damagedRow = (
  kind: Exclude<Damage['kind'], 'stray'>,
  row: OrderViewRow,
  to: number,
): readonly OrderViewRow[] => {
  switch (kind) {
    case 'delete':
      return [];
    case 'status':
      return [{ ...row, status: 'lost' }];
    case 'version':
      return [{ ...row, version: row.version + 1 }];
    case 'document':
      return [{ ...row, document: '' }];
    case 'position':
      return [{ ...row, firstPosition: position(to) }];
    case 'order':
      return [{ ...row, orderId: `stranger-${to}` }];
    case 'tenant':
      return [{ ...row, tenant: 'nobody' }];
    default:
      return kind satisfies never;
  }
};

const clash = (rows: readonly OrderViewRow[]): boolean =>
  new Set(rows.map(({ firstPosition }) => firstPosition)).size < rows.length ||
  new Set(rows.map(({ tenant, orderId }) => `${tenant} ${orderId}`)).size < rows.length;
