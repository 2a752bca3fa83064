/** Places a plain order at a running server, and returns its id. */
export const placeOverHttp = async (url: string | null): Promise<string> => {
  const answer = await fetch(`${url}/v1/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify({
      customerId: 'c-42',
      currency: 'EUR',
      lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299 }],
    }),
  });
  return ((await answer.json()) as { id: string }).id;
};
