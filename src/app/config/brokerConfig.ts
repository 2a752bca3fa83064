import { z } from 'zod';

export type BrokerConfig =
  | { readonly kind: 'memory' }
  /** Hosts of one cluster, tried in turn. They may carry credentials: never log them. */
  | { readonly kind: 'amqp'; readonly urls: readonly string[] };

/** For `amqps:` hosts. */
export interface AmqpTlsConfig {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly keyPassphrase?: string;
  readonly servername?: string;
}

const brokerUrl = z
  .string()
  .default('memory:')
  .transform((text, context): BrokerConfig => {
    if (text === 'memory:') return { kind: 'memory' };
    const urls = text.split(',').map((url) => url.trim());
    if (urls.every(isAmqpUrl)) return { kind: 'amqp', urls };
    context.addIssue(
      'must be memory: or amqp://user:password@host:5672/vhost (amqps: for TLS), several hosts separated by commas',
    );
    return z.NEVER;
  });

const isAmqpUrl = (text: string): boolean =>
  URL.canParse(text) && ['amqp:', 'amqps:'].includes(new URL(text).protocol) && new URL(text).hostname !== '';

/** The variables that say where the broker is, and how it is spoken to. */
export const brokerVariables = {
  BROKER_URL: brokerUrl,
  AMQP_CA_FILE: z.string().optional(),
  AMQP_CERT_FILE: z.string().optional(),
  AMQP_KEY_FILE: z.string().optional(),
  AMQP_KEY_PASSPHRASE: z.string().optional(),
  AMQP_SERVERNAME: z.string().optional(),
};

type BrokerValues = z.output<z.ZodObject<typeof brokerVariables>>;

const tlsVariables = {
  caFile: 'AMQP_CA_FILE',
  certFile: 'AMQP_CERT_FILE',
  keyFile: 'AMQP_KEY_FILE',
  keyPassphrase: 'AMQP_KEY_PASSPHRASE',
  servername: 'AMQP_SERVERNAME',
} as const;

export const amqpTlsOf = (values: BrokerValues): AmqpTlsConfig =>
  Object.fromEntries(
    Object.entries(tlsVariables)
      .map(([member, variable]) => [member, values[variable]] as const)
      .filter(([, value]) => value !== undefined),
  );

export const contradictingTls = (values: BrokerValues): string[] => {
  const { BROKER_URL } = values;
  const given = Object.values(tlsVariables).filter((variable) => values[variable] !== undefined);
  const isSecure = BROKER_URL.kind === 'amqp' && BROKER_URL.urls.some((url) => url.startsWith('amqps:'));
  if (given.length > 0 && !isSecure) {
    return [`${given.join(', ')} would not be used: BROKER_URL names no amqps: host`];
  }
  const mistakes: string[] = [];
  const needs = (variable: (typeof given)[number], other: (typeof given)[number], why: string): void => {
    if (values[variable] !== undefined && values[other] === undefined)
      mistakes.push(`${variable} needs ${other}: ${why}`);
  };
  needs('AMQP_CERT_FILE', 'AMQP_KEY_FILE', 'a client certificate is shown with its key');
  needs('AMQP_KEY_FILE', 'AMQP_CERT_FILE', 'a key is for a client certificate');
  needs('AMQP_KEY_PASSPHRASE', 'AMQP_KEY_FILE', 'it opens that key');
  return mistakes;
};
