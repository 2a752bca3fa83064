import type { CallbackProvider, CallbackScheme } from './CallbackScheme.ts';
import { standardWebhooks } from './standardWebhooks.ts';
import { stripe } from './stripe.ts';

/** By the names that the configuration has for them. */
const schemes = { standard: standardWebhooks, stripe } as const satisfies Record<string, CallbackScheme>;

export type SchemeName = keyof typeof schemes;

export const callbackProviders = (
  configured: ReadonlyMap<string, { readonly scheme: SchemeName; readonly secrets: readonly string[] }>,
): ReadonlyMap<string, CallbackProvider> =>
  new Map(
    [...configured].map(([name, { scheme, secrets }]) => [
      name,
      { scheme: schemes[scheme], keys: secrets.map(schemes[scheme].keyOf) },
    ]),
  );
