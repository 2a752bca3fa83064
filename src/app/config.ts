import { z } from 'zod';
import {
  type AmqpTlsConfig,
  amqpTlsOf,
  type BrokerConfig,
  brokerVariables,
  contradictingTls,
} from './config/brokerConfig.ts';
import { type CallbackProviders, readCallbackProviders } from './config/callbackProviders.ts';
import { edgeVariables, halfOfTls, type TlsConfig, tlsOf } from './config/edgeConfig.ts';
import { type LoyaltyRates, loyaltyRates } from './config/loyaltyRates.ts';
import { contradictingNotify, type NotifyConfig, notifyOf, notifyVariables } from './config/notifyConfig.ts';

export const roles = ['api', 'relay', 'orders', 'inventory', 'notifications', 'loyalty'] as const;
export type Role = (typeof roles)[number];

/** What has data of its own: contexts share nothing but messages, and a database only where they are told the same. */
export const contexts = ['orders', 'inventory', 'notifications', 'loyalty'] as const;
export type Context = (typeof contexts)[number];

/** Roles that handle messages; with the in-memory broker nobody but this process can publish to them. */
const consumerRoles: readonly Role[] = contexts;

export interface DatabaseConfig {
  /** Of SQLite: a path, or `:memory:`. */
  readonly file: string;
}

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Of the orders. */
  readonly database: DatabaseConfig;
  /** Of the contexts that have one of their own; see `databaseOf`. */
  readonly ownDatabases: ReadonlyMap<Context, DatabaseConfig>;
  readonly broker: BrokerConfig;
  readonly amqpTls: AmqpTlsConfig;
  readonly roles: ReadonlySet<Role>;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly idempotencyTtlHours: number;
  readonly outboxRetentionHours: number;
  readonly inboxRetentionDays: number;
  /** 0: orders never expire. */
  readonly paymentDeadlineSeconds: number;
  /** What becomes of orders for a SKU that was never counted. */
  readonly unknownStock: 'accept' | 'reject';
  readonly loyaltyRates: LoyaltyRates;
  readonly notify: NotifyConfig;
  readonly queuePrefix: string;
  readonly writeQueueMax: number;
  readonly writeBatchMax: number;
  readonly relayWindow: number;
  readonly confirmTimeoutMs: number;
  readonly publishChannels: number;
  readonly publishStrategy: 'hash' | 'round-robin' | 'least-pending';
  readonly eventStreamsMax: number;
  readonly consumerPrefetch: number;
  readonly handlerTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly callbackProviders: CallbackProviders;
  /** Per provider and address; 0 is no limit. */
  readonly callbackFailuresPerMinute: number;
  readonly callbackRetentionDays: number;
  readonly jobRetentionDays: number;
  readonly tls: TlsConfig;
}

/** Every mistake in the configuration at once, a sentence each. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[];
  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'));
    this.name = 'ConfigError';
    this.mistakes = mistakes;
  }
}

/** A whole number between two bounds, written in digits. */
const wholeNumber = (fallback: number, min: number, max: number) =>
  z
    .string()
    .default(String(fallback))
    .refine((text) => /^\d{1,12}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);

const databaseUrl = z.string().transform((url, context): DatabaseConfig => {
  const file = /^sqlite:(?:\/\/(?=\/))?(?!\/\/)(.+)$/.exec(url)?.[1];
  if (file !== undefined) return { file };
  context.addIssue(
    'must be sqlite:<path of a file>, for example sqlite:data/orderflow.db, or sqlite::memory: to keep nothing',
  );
  return z.NEVER;
});

const roleSet = z
  .string()
  .default(roles.join(','))
  .transform((text, context): ReadonlySet<Role> => {
    const named = text.split(',').map((role) => role.trim());
    const known = named.filter((role): role is Role => (roles as readonly string[]).includes(role));
    if (known.length === named.length) return new Set(known);
    context.addIssue(`must be a comma-separated list of ${roles.join(', ')}`);
    return z.NEVER;
  });

const environment = z.object({
  HOST: z
    .string()
    .min(1, { error: 'must name an address to listen on, for example 127.0.0.1' })
    .default('127.0.0.1'),
  PORT: wholeNumber(3000, 0, 65_535),
  DATABASE_URL: databaseUrl.prefault('sqlite:data/orderflow.db'),
  INVENTORY_DATABASE_URL: databaseUrl.optional(),
  NOTIFICATIONS_DATABASE_URL: databaseUrl.optional(),
  LOYALTY_DATABASE_URL: databaseUrl.optional(),
  ...brokerVariables,
  ROLES: roleSet,
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
      error: 'must be one of trace, debug, info, warn, error, silent',
    })
    .default('info'),
  IDEMPOTENCY_TTL_HOURS: wholeNumber(24, 24, 87_600),
  OUTBOX_RETENTION_HOURS: wholeNumber(72, 0, 87_600),
  INBOX_RETENTION_DAYS: wholeNumber(14, 1, 3_650),
  PAYMENT_DEADLINE_SECONDS: wholeNumber(86_400, 0, 31_536_000),
  STOCK_UNKNOWN: z.enum(['accept', 'reject'], { error: 'must be accept or reject' }).default('accept'),
  LOYALTY_RATES: loyaltyRates,
  ...notifyVariables,
  QUEUE_PREFIX: z
    .string()
    // Names that begin with amq. are RabbitMQ's own.
    .regex(/^(?!amq\.)[A-Za-z0-9._-]{0,64}$/, {
      error: 'must be at most 64 letters, digits, dots, dashes or underscores, and not begin with amq.',
    })
    .default(''),
  WRITE_QUEUE_MAX: wholeNumber(10_000, 1, 1_000_000),
  WRITE_BATCH_MAX: wholeNumber(256, 1, 10_000),
  RELAY_WINDOW: wholeNumber(1_000, 1, 100_000),
  PUBLISH_CHANNELS: wholeNumber(1, 1, 64),
  PUBLISH_STRATEGY: z
    .enum(['hash', 'round-robin', 'least-pending'], {
      error: 'must be one of hash, round-robin, least-pending',
    })
    .default('hash'),
  CONFIRM_TIMEOUT_MS: wholeNumber(10_000, 100, 600_000),
  EVENT_STREAMS_MAX: wholeNumber(200, 0, 100_000),
  CONSUMER_PREFETCH: wholeNumber(500, 1, 65_535),
  HANDLER_TIMEOUT_MS: wholeNumber(10_000, 100, 600_000),
  SHUTDOWN_TIMEOUT_SECONDS: wholeNumber(15, 1, 600),
  ...edgeVariables,
  CALLBACK_FAILURES_PER_MINUTE: wholeNumber(3_000, 0, 1_000_000),
  CALLBACK_RETENTION_DAYS: wholeNumber(30, 1, 3_650),
  JOB_RETENTION_DAYS: wholeNumber(30, 1, 3_650),
});

/** Reads the configuration. An empty variable counts as absent. Throws `ConfigError`. */
export const readConfig = (env: Readonly<Record<string, string | undefined>>): Config => {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`));
  }
  const values = parsed.data;
  const callbacks = readCallbackProviders(values.CALLBACK_SECRETS, values.CALLBACK_SCHEMES);
  const mistakes = [...contradictions(values), ...callbacks.mistakes];
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return {
    host: values.HOST,
    port: values.PORT,
    database: values.DATABASE_URL,
    ownDatabases: ownDatabases(values),
    broker: values.BROKER_URL,
    amqpTls: amqpTlsOf(values),
    roles: values.ROLES,
    logLevel: values.LOG_LEVEL,
    idempotencyTtlHours: values.IDEMPOTENCY_TTL_HOURS,
    outboxRetentionHours: values.OUTBOX_RETENTION_HOURS,
    inboxRetentionDays: values.INBOX_RETENTION_DAYS,
    paymentDeadlineSeconds: values.PAYMENT_DEADLINE_SECONDS,
    unknownStock: values.STOCK_UNKNOWN,
    loyaltyRates: values.LOYALTY_RATES,
    notify: notifyOf(values),
    queuePrefix: values.QUEUE_PREFIX,
    writeQueueMax: values.WRITE_QUEUE_MAX,
    writeBatchMax: values.WRITE_BATCH_MAX,
    relayWindow: values.RELAY_WINDOW,
    confirmTimeoutMs: values.CONFIRM_TIMEOUT_MS,
    publishChannels: values.PUBLISH_CHANNELS,
    publishStrategy: values.PUBLISH_STRATEGY,
    eventStreamsMax: values.EVENT_STREAMS_MAX,
    consumerPrefetch: values.CONSUMER_PREFETCH,
    handlerTimeoutMs: values.HANDLER_TIMEOUT_MS,
    shutdownTimeoutMs: values.SHUTDOWN_TIMEOUT_SECONDS * 1000,
    callbackProviders: callbacks.providers,
    callbackFailuresPerMinute: values.CALLBACK_FAILURES_PER_MINUTE,
    callbackRetentionDays: values.CALLBACK_RETENTION_DAYS,
    jobRetentionDays: values.JOB_RETENTION_DAYS,
    tls: tlsOf(values),
  };
};

const ownDatabases = (values: z.output<typeof environment>): Config['ownDatabases'] => {
  const own: readonly (readonly [Context, DatabaseConfig | undefined])[] = [
    ['inventory', values.INVENTORY_DATABASE_URL],
    ['notifications', values.NOTIFICATIONS_DATABASE_URL],
    ['loyalty', values.LOYALTY_DATABASE_URL],
  ];
  return new Map(
    own.flatMap(([context, database]) => (database === undefined ? [] : [[context, database] as const])),
  );
};

/** Where a context keeps its data: with the orders, unless it has a database of its own. */
export const databaseOf = (
  config: Pick<Config, 'database' | 'ownDatabases'>,
  context: Context,
): DatabaseConfig => config.ownDatabases.get(context) ?? config.database;

const contradictions = (values: z.output<typeof environment>): string[] => [
  ...contradictingRoles(values),
  ...contradictingTls(values),
  ...halfOfTls(values),
  ...contradictingNotify(values),
];

const contradictingRoles = ({ ROLES, BROKER_URL }: z.output<typeof environment>): string[] => {
  const consuming = consumerRoles.filter((role) => ROLES.has(role));
  if (BROKER_URL.kind !== 'memory' || ROLES.has('relay') || consuming.length === 0) return [];
  return [
    `ROLES names ${consuming.join(', ')} without relay, but with BROKER_URL=memory: messages come only from the relay ` +
      'of this very process: add relay, or set BROKER_URL to a RabbitMQ server',
  ];
};
