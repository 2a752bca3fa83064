const schemes = ['standard', 'stripe'] as const;
type Scheme = (typeof schemes)[number];

/** Who may send callbacks, by the name in the path. The secrets are as they were given: never log them. */
export type CallbackProviders = ReadonlyMap<
  string,
  { readonly scheme: Scheme; readonly secrets: readonly string[] }
>;

interface Entry {
  /** From 1. */
  readonly place: number;
  readonly name: string;
  readonly value: string;
}

/** What looks like a secret is no name: somebody has mixed them up. */
const providerName = /^(?!whsec_)[A-Za-z0-9._-]{1,64}$/;
const nameRule = 'a provider is named with at most 64 letters, digits, dots, dashes or underscores';

/**
 * `CALLBACK_SECRETS=provider:secret,…`, where a provider may have several, and `CALLBACK_SCHEMES=provider:scheme,…`. A
 * mistake is told by its place alone: even what stands where a name should be may be a secret.
 */
export const readCallbackProviders = (
  secrets: string,
  schemesOf: string,
): { readonly providers: CallbackProviders; readonly mistakes: readonly string[] } => {
  const chosen = new Map<string, Scheme>();
  const providers = new Map<string, { readonly scheme: Scheme; readonly secrets: string[] }>();
  const mistakes: string[] = [];
  for (const { place, name, value } of entriesOf(schemesOf)) {
    const scheme = schemes.find((known) => known === value);
    const flaw = flawInScheme(name, scheme, chosen);
    if (flaw !== null) mistakes.push(`CALLBACK_SCHEMES entry ${place}: ${flaw}`);
    else if (scheme !== undefined) chosen.set(name, scheme);
  }
  for (const { place, name, value } of entriesOf(secrets)) {
    const provider = providers.get(name) ?? { scheme: chosen.get(name) ?? 'standard', secrets: [] };
    const flaw = flawInSecret(name, value, provider);
    if (flaw !== null) mistakes.push(`CALLBACK_SECRETS entry ${place}: ${flaw}`);
    else {
      provider.secrets.push(value);
      providers.set(name, provider);
    }
  }
  for (const [index, name] of [...chosen.keys()].entries()) {
    if (mistakes.length === 0 && !providers.has(name))
      mistakes.push(`CALLBACK_SCHEMES entry ${index + 1}: CALLBACK_SECRETS has no secret of this provider`);
  }
  return { providers, mistakes };
};

const entriesOf = (text: string): readonly Entry[] =>
  text === ''
    ? []
    : text.split(',').map((entry, index) => {
        const [name = '', ...value] = entry.trim().split(':');
        return { place: index + 1, name, value: value.join(':') };
      });

const flawInScheme = (
  name: string,
  scheme: Scheme | undefined,
  chosen: ReadonlyMap<string, Scheme>,
): string | null => {
  if (!providerName.test(name)) return `${nameRule}, and : and a scheme follow`;
  if (scheme === undefined) return `the scheme must be one of ${schemes.join(', ')}`;
  return chosen.has(name) ? 'this provider has a scheme already' : null;
};

const flawInSecret = (
  name: string,
  secret: string,
  { scheme, secrets }: { readonly scheme: Scheme; readonly secrets: readonly string[] },
): string | null => {
  if (!providerName.test(name)) return `${nameRule}, and : and a secret follow`;
  const { holds, rule } = secretRules[scheme];
  if (!holds(secret)) return `the secret must be ${rule}`;
  return secrets.includes(secret) ? 'this secret is there already' : null;
};

const secretRules = {
  standard: {
    rule: 'whsec_ followed by base64 of 24 to 64 bytes',
    holds: (secret: string): boolean => {
      const text = /^whsec_(.*)$/.exec(secret)?.[1] ?? '';
      const bytes = Buffer.from(text, 'base64');
      return bytes.toString('base64') === text && bytes.length >= 24 && bytes.length <= 64;
    },
  },
  stripe: {
    rule: 'whsec_ followed by at least 24 letters and digits, as Stripe shows it',
    holds: (secret: string): boolean => /^whsec_[A-Za-z0-9]{24,}$/.test(secret),
  },
} as const;
