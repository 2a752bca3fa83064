import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../src/app/config.ts';

const secret = (bytes: number, fill = 7): string => `whsec_${Buffer.alloc(bytes, fill).toString('base64')}`;
const stripeSecret = 'whsec_5WMYlXgQzlCAiCmXRbSG2Fqwyo7yMy2W';

const read = (secrets: string, schemes = '') =>
  readConfig({ CALLBACK_SECRETS: secrets, CALLBACK_SCHEMES: schemes }).callbackProviders;

const mistakesOf = (secrets: string, schemes = ''): readonly string[] => {
  try {
    read(secrets, schemes);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
};

describe('the senders of callbacks', () => {
  it('may have several secrets each, which all count', () => {
    const [one, two, three] = [secret(24), secret(64), secret(32, 1)];
    expect(read(`acme:${one}, pay.example_2:${three},acme:${two}`)).toEqual(
      new Map([
        ['acme', { scheme: 'standard', secrets: [one, two] }],
        ['pay.example_2', { scheme: 'standard', secrets: [three] }],
      ]),
    );
  });

  it('sign as Standard Webhooks unless another scheme is named', () => {
    const providers = read(
      `acme:${secret(24)},eu:${stripeSecret},us:${stripeSecret}`,
      'eu:stripe, us:stripe',
    );
    expect([...providers].map(([name, { scheme }]) => [name, scheme])).toEqual([
      ['acme', 'standard'],
      ['eu', 'stripe'],
      ['us', 'stripe'],
    ]);
  });

  const named = 'a provider is named with at most 64 letters, digits, dots, dashes or underscores';
  const standard = 'must be whsec_ followed by base64 of 24 to 64 bytes';
  const mistakes: readonly (readonly [string, string, string])[] = [
    [secret(24), '', `CALLBACK_SECRETS entry 1: ${named}, and : and a secret follow`],
    [`${secret(24)}:acme`, '', `CALLBACK_SECRETS entry 1: ${named}, and : and a secret follow`],
    [`a b:${secret(24)}`, '', `CALLBACK_SECRETS entry 1: ${named}, and : and a secret follow`],
    [`acme:${secret(24)},`, '', `CALLBACK_SECRETS entry 2: ${named}, and : and a secret follow`],
    ['acme:', '', `CALLBACK_SECRETS entry 1: the secret ${standard}`],
    [`acme:${secret(23)}`, '', `CALLBACK_SECRETS entry 1: the secret ${standard}`],
    [`acme:${secret(65)}`, '', `CALLBACK_SECRETS entry 1: the secret ${standard}`],
    [`acme:${secret(24).slice(6)}`, '', `CALLBACK_SECRETS entry 1: the secret ${standard}`],
    [`acme:${secret(25).slice(0, -1)}`, '', `CALLBACK_SECRETS entry 1: the secret ${standard}`],
    [`acme:${secret(24)}!`, '', `CALLBACK_SECRETS entry 1: the secret ${standard}`],
    [
      `b:${secret(24)},acme:${secret(24)},acme:${secret(24)}`,
      '',
      'CALLBACK_SECRETS entry 3: this secret is there already',
    ],
    [
      'eu:sk_live_1234567890123456789012345',
      'eu:stripe',
      'CALLBACK_SECRETS entry 1: the secret must be whsec_ followed by at least 24 letters and digits, as Stripe shows it',
    ],
    [
      `acme:${secret(24)}`,
      'acme:hmac',
      'CALLBACK_SCHEMES entry 1: the scheme must be one of standard, stripe',
    ],
    [`acme:${secret(24)}`, 'stripe', 'CALLBACK_SCHEMES entry 1: the scheme must be one of standard, stripe'],
    [
      `eu:${stripeSecret}`,
      'eu:stripe,eu:stripe',
      'CALLBACK_SCHEMES entry 2: this provider has a scheme already',
    ],
    [
      `acme:${secret(24)}`,
      'other:stripe',
      'CALLBACK_SCHEMES entry 1: CALLBACK_SECRETS has no secret of this provider',
    ],
  ];
  it.each(mistakes)('a mistake is told by its place: %#', (secrets, schemes, sentence) => {
    expect(mistakesOf(secrets, schemes)).toEqual([sentence]);
  });

  it('a secret is never quoted, wherever it stands', () => {
    const hidden = secret(24).slice(6);
    for (const [secrets, schemes] of [
      [hidden, ''],
      [`${hidden}:acme`, ''],
      [`acme:${hidden}`, ''],
      [`whsec_${hidden}:acme`, ''],
      [`whsec_${hidden}`, ''],
      [`acme:${secret(24)}`, `acme:whsec_${hidden}`],
      [`acme:${secret(24)}`, `whsec_${hidden}:acme`],
      [`acme:whsec_${hidden},acme:whsec_${hidden}`, ''],
    ] as const) {
      const told = mistakesOf(secrets, schemes).join('\n');
      expect(told).not.toBe('');
      expect(told).not.toContain(hidden);
    }
  });
});

describe('TLS', () => {
  it('takes both files, or none', () => {
    expect(readConfig({ TLS_CERT: 'a.crt', TLS_KEY: 'a.key' }).tls).toEqual({ cert: 'a.crt', key: 'a.key' });
    for (const half of [{ TLS_CERT: 'a.crt' }, { TLS_KEY: 'a.key' }]) {
      expect(() => readConfig(half)).toThrow(
        'TLS_CERT and TLS_KEY belong together: name both files, or none',
      );
    }
  });
});
