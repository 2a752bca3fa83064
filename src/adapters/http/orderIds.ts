const shape = /^[\w-]{1,64}$/;

/** No order has this id: ids are UUIDs. */
const noOrder = '-';

/** The order id in a path; undefined when it names no order whatever is stored, so that no store has to see it. */
export const orderIdIn = (params: Readonly<Record<string, string>>): string | undefined =>
  shape.test(params.id ?? '') ? params.id : undefined;

/** As `orderIdIn`, for commands: they go on to the idempotency check, which comes before 404. */
export const orderIdOrNone = (params: Readonly<Record<string, string>>): string =>
  orderIdIn(params) ?? noOrder;
