import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import createKnex from 'knex';
import { describe, expect, it } from 'vitest';
import { ConfigError, type Context, readConfig } from '../../src/app/config.ts';
import { inDirectory, orderflow, refusedStart } from '../support/programs.ts';
import { startServer } from '../support/serverProcess.ts';

const mistakesOf = (env: Record<string, string>): readonly string[] => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
};

const everyRole = ['api', 'relay', 'orders', 'inventory', 'notifications', 'loyalty'] as const;

describe('without any variable', () => {
  it('everything has its default', () => {
    expect(readConfig({})).toEqual({
      host: '127.0.0.1',
      port: 3000,
      database: { file: 'data/orderflow.db' },
      ownDatabases: new Map(),
      broker: { kind: 'memory' },
      amqpTls: {},
      roles: new Set(everyRole),
      logLevel: 'info',
      idempotencyTtlHours: 24,
      outboxRetentionHours: 72,
      inboxRetentionDays: 14,
      paymentDeadlineSeconds: 86_400,
      unknownStock: 'accept',
      loyaltyRates: new Map([['*', { points: 1, per: 100 }]]),
      notify: {
        channels: ['log'],
        smtpUrl: null,
        mailFrom: null,
        webhookUrl: null,
        webhookSecret: null,
        allowPrivate: false,
        maxAgeMs: 172_800_000,
        templates: null,
      },
      queuePrefix: '',
      writeQueueMax: 10_000,
      writeBatchMax: 256,
      relayWindow: 1_000,
      confirmTimeoutMs: 10_000,
      publishChannels: 1,
      publishStrategy: 'hash',
      eventStreamsMax: 200,
      consumerPrefetch: 500,
      handlerTimeoutMs: 10_000,
      shutdownTimeoutMs: 15_000,
      callbackProviders: new Map(),
      callbackFailuresPerMinute: 3_000,
      callbackRetentionDays: 30,
      jobRetentionDays: 30,
      tls: null,
    });
  });

  it('an empty variable counts as absent, and one that is not ours does not matter', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '', COLOUR: 'blue' })).toEqual(readConfig({}));
  });
});

describe('a variable', () => {
  const own = (context: Context) => new Map([[context, { file: 'i.db' }]]);
  const values: readonly (readonly [string, string, object])[] = [
    ['HOST', '::1', { host: '::1' }],
    ['PORT', '0', { port: 0 }],
    ['PORT', '65535', { port: 65_535 }],
    ['DATABASE_URL', 'sqlite::memory:', { database: { file: ':memory:' } }],
    ['DATABASE_URL', 'sqlite:a b/ü.db', { database: { file: 'a b/ü.db' } }],
    ['DATABASE_URL', 'sqlite:///var/x.db', { database: { file: '/var/x.db' } }],
    ['DATABASE_URL', 'sqlite:/var/x.db', { database: { file: '/var/x.db' } }],
    ['INVENTORY_DATABASE_URL', 'sqlite:i.db', { ownDatabases: own('inventory') }],
    ['LOYALTY_DATABASE_URL', 'sqlite:i.db', { ownDatabases: own('loyalty') }],
    ['NOTIFICATIONS_DATABASE_URL', 'sqlite:i.db', { ownDatabases: own('notifications') }],
    ['BROKER_URL', 'amqp://one', { broker: { kind: 'amqp', urls: ['amqp://one'] } }],
    [
      'BROKER_URL',
      'amqp://u:p@one:5672/shop, amqps://two',
      { broker: { kind: 'amqp', urls: ['amqp://u:p@one:5672/shop', 'amqps://two'] } },
    ],
    ['ROLES', 'relay, api', { roles: new Set(['api', 'relay']) }],
    ['LOG_LEVEL', 'silent', { logLevel: 'silent' }],
    ['IDEMPOTENCY_TTL_HOURS', '48', { idempotencyTtlHours: 48 }],
    ['OUTBOX_RETENTION_HOURS', '0', { outboxRetentionHours: 0 }],
    ['INBOX_RETENTION_DAYS', '1', { inboxRetentionDays: 1 }],
    ['PAYMENT_DEADLINE_SECONDS', '0', { paymentDeadlineSeconds: 0 }],
    ['STOCK_UNKNOWN', 'reject', { unknownStock: 'reject' }],
    [
      'LOYALTY_RATES',
      'EUR:3/1000, *:0/1',
      {
        loyaltyRates: new Map([
          ['EUR', { points: 3, per: 1_000 }],
          ['*', { points: 0, per: 1 }],
        ]),
      },
    ],
    ['QUEUE_PREFIX', 'shop-1.', { queuePrefix: 'shop-1.' }],
    ['WRITE_QUEUE_MAX', '1', { writeQueueMax: 1 }],
    ['WRITE_BATCH_MAX', '10000', { writeBatchMax: 10_000 }],
    ['RELAY_WINDOW', '1', { relayWindow: 1 }],
    ['PUBLISH_CHANNELS', '4', { publishChannels: 4 }],
    ['PUBLISH_STRATEGY', 'least-pending', { publishStrategy: 'least-pending' }],
    ['CONFIRM_TIMEOUT_MS', '100', { confirmTimeoutMs: 100 }],
    ['EVENT_STREAMS_MAX', '0', { eventStreamsMax: 0 }],
    ['CONSUMER_PREFETCH', '1', { consumerPrefetch: 1 }],
    ['HANDLER_TIMEOUT_MS', '100', { handlerTimeoutMs: 100 }],
    ['SHUTDOWN_TIMEOUT_SECONDS', '1', { shutdownTimeoutMs: 1_000 }],
    ['CALLBACK_FAILURES_PER_MINUTE', '0', { callbackFailuresPerMinute: 0 }],
    ['CALLBACK_RETENTION_DAYS', '1', { callbackRetentionDays: 1 }],
    ['JOB_RETENTION_DAYS', '1', { jobRetentionDays: 1 }],
  ];
  it.each(values)('%s=%s is taken', (name, value, expected) => {
    expect(readConfig({ [name]: value })).toEqual({ ...readConfig({}), ...expected });
  });
});

describe('a mistake', () => {
  const wholeNumbers: readonly (readonly [string, number, number])[] = [
    ['PORT', 0, 65_535],
    ['IDEMPOTENCY_TTL_HOURS', 24, 87_600],
    ['OUTBOX_RETENTION_HOURS', 0, 87_600],
    ['INBOX_RETENTION_DAYS', 1, 3_650],
    ['WRITE_QUEUE_MAX', 1, 1_000_000],
    ['WRITE_BATCH_MAX', 1, 10_000],
    ['RELAY_WINDOW', 1, 100_000],
    ['PUBLISH_CHANNELS', 1, 64],
    ['CONFIRM_TIMEOUT_MS', 100, 600_000],
    ['EVENT_STREAMS_MAX', 0, 100_000],
    ['CONSUMER_PREFETCH', 1, 65_535],
    ['HANDLER_TIMEOUT_MS', 100, 600_000],
    ['SHUTDOWN_TIMEOUT_SECONDS', 1, 600],
    ['CALLBACK_FAILURES_PER_MINUTE', 0, 1_000_000],
    ['CALLBACK_RETENTION_DAYS', 1, 3_650],
  ];
  it.each(wholeNumbers)('%s must be a whole number between its bounds', (name, min, max) => {
    const sentence = `${name} must be a whole number from ${min} to ${max}`;
    for (const value of ['x', '1.5', '1e3', ' 7', '0x10', String(min - 1), String(max + 1), '9'.repeat(30)]) {
      expect(mistakesOf({ [name]: value })).toEqual([sentence]);
    }
  });

  const others: readonly (readonly [string, readonly string[], string])[] = [
    [
      'DATABASE_URL',
      ['orders.db', 'postgres://localhost/x', 'sqlite:', 'sqlite://host/x.db', 'SQLITE:x'],
      'must be sqlite:<path of a file>, for example sqlite:data/orderflow.db, or sqlite::memory: to keep nothing',
    ],
    [
      'BROKER_URL',
      ['memory', 'http://host', 'amqp://', 'amqp://one,', 'amqp://one,memory:', 'host:5672'],
      'must be memory: or amqp://user:password@host:5672/vhost (amqps: for TLS), several hosts separated by commas',
    ],
    [
      'ROLES',
      ['api,boss', 'api relay', ',', 'API'],
      'must be a comma-separated list of api, relay, orders, inventory, notifications, loyalty',
    ],
    [
      'LOYALTY_RATES',
      ['EUR', 'EUR:1', 'EUR:1/0', 'eur:1/100', 'EUR:-1/100', 'EUR:1/100,', 'EUR:1.5/100', 'EUR:1/9,EUR:2/9'],
      'must be a comma-separated list of <currency>:<points>/<minor units>, each currency once, for example EUR:1/100, with * for all others',
    ],
    ['LOYALTY_RATES', ['EUX:1/100', 'EUR:1/100,EUX:1/9,*:1/9'], 'must name currencies of ISO 4217, not EUX'],
    ['LOYALTY_RATES', ['XXX:1/100,USD:1/1,DEM:1/100'], 'must name currencies of ISO 4217, not XXX, DEM'],
    [
      'NOTIFY_CHANNELS',
      ['sms', 'log,log', ''.padEnd(1, ','), 'log email'],
      'must be a comma-separated list of log, email, webhook, each once',
    ],
    [
      'MAIL_FROM',
      ['shop', 'a@b@c', 'a@b\r\nBcc: c'],
      'must be an address like shop@shop.example or Shop <shop@shop.example>',
    ],
    [
      'SMTP_URL',
      ['mail.example', 'http://mail.example'],
      'must be an address like smtp://user:password@host:587',
    ],
    [
      'NOTIFY_WEBHOOK_URL',
      ['shop.example', 'ftp://shop.example'],
      'must be an address like https://shop.example/notifications',
    ],
    [
      'NOTIFY_WEBHOOK_SECRET',
      ['secret', 'whsec_c2hvcnQ=', 'whsec_***'],
      'must be whsec_ followed by 24 to 64 bytes in base64',
    ],
    ['NOTIFY_MAX_AGE_HOURS', ['0', '1.5', '100000'], 'must be a whole number from 1 to 99999'],
    ['NOTIFY_ALLOW_PRIVATE', ['true', 'YES'], 'must be yes or no'],
    ['LOG_LEVEL', ['loud', 'INFO'], 'must be one of trace, debug, info, warn, error, silent'],
    [
      'QUEUE_PREFIX',
      ['a b', 'a/b', 'x'.repeat(65), 'amq.'],
      'must be at most 64 letters, digits, dots, dashes or underscores, and not begin with amq.',
    ],
  ];
  it.each(others)('in %s is told in one sentence', (name, values, sentence) => {
    for (const value of values) expect(mistakesOf({ [name]: value })).toEqual([`${name} ${sentence}`]);
  });

  it('never quotes a value, which may hold a password', () => {
    const secret = 'hunter2';
    const env = { DATABASE_URL: secret, BROKER_URL: `amqp:/u:${secret}@`, ROLES: secret, PORT: secret };
    expect(mistakesOf(env)).toHaveLength(4);
    expect(mistakesOf(env).join()).not.toContain(secret);
  });

  it('does not hide the others', () => {
    expect(mistakesOf({ PORT: 'x', LOG_LEVEL: 'loud', RELAY_WINDOW: '0' })).toEqual([
      expect.stringMatching(/^PORT /),
      expect.stringMatching(/^LOG_LEVEL /),
      expect.stringMatching(/^RELAY_WINDOW /),
    ]);
  });
});

describe('a contradiction', () => {
  it('a channel without what it needs', () => {
    expect(mistakesOf({ NOTIFY_CHANNELS: 'email,webhook,log', MAIL_FROM: 'shop@shop.example' })).toEqual([
      'NOTIFY_CHANNELS has email, which needs SMTP_URL',
      'NOTIFY_CHANNELS has webhook, which needs NOTIFY_WEBHOOK_URL',
      'NOTIFY_CHANNELS has webhook, which needs NOTIFY_WEBHOOK_SECRET',
    ]);
  });

  it('consumers without a relay have nobody to hear with the in-memory broker', () => {
    for (const role of ['orders', 'inventory', 'notifications', 'loyalty']) {
      expect(mistakesOf({ ROLES: `api,${role}` })).toEqual([
        expect.stringMatching(new RegExp(`^ROLES names ${role} without relay, .*BROKER_URL=memory:`)),
      ]);
      expect(mistakesOf({ ROLES: `relay,${role}` })).toEqual([]);
      expect(mistakesOf({ ROLES: role, BROKER_URL: 'amqp://host' })).toEqual([]);
    }
    expect(mistakesOf({ ROLES: 'api' })).toEqual([]);
  });
});

describe('TLS with the broker', () => {
  const secure = { BROKER_URL: 'amqps://one,amqps://two' };

  it('takes files, a passphrase and the name of the server', () => {
    const { amqpTls } = readConfig({
      ...secure,
      AMQP_CA_FILE: 'ca.pem',
      AMQP_CERT_FILE: 'client.pem',
      AMQP_KEY_FILE: 'client.key',
      AMQP_KEY_PASSPHRASE: 'open',
      AMQP_SERVERNAME: 'rabbit.internal',
    });
    expect(amqpTls).toEqual({
      caFile: 'ca.pem',
      certFile: 'client.pem',
      keyFile: 'client.key',
      keyPassphrase: 'open',
      servername: 'rabbit.internal',
    });
  });

  it('what would not be used, or lacks its counterpart, is a mistake', () => {
    expect(mistakesOf({ AMQP_CA_FILE: 'ca.pem' })).toEqual([
      'AMQP_CA_FILE would not be used: BROKER_URL names no amqps: host',
    ]);
    expect(mistakesOf({ AMQP_CERT_FILE: 'x', AMQP_KEY_FILE: 'y', BROKER_URL: 'amqp://host' })).toEqual([
      'AMQP_CERT_FILE, AMQP_KEY_FILE would not be used: BROKER_URL names no amqps: host',
    ]);
    expect(mistakesOf({ ...secure, AMQP_CERT_FILE: 'x' })).toEqual([
      'AMQP_CERT_FILE needs AMQP_KEY_FILE: a client certificate is shown with its key',
    ]);
    expect(mistakesOf({ ...secure, AMQP_KEY_FILE: 'x', AMQP_KEY_PASSPHRASE: 'p' })).toEqual([
      'AMQP_KEY_FILE needs AMQP_CERT_FILE: a key is for a client certificate',
    ]);
    expect(mistakesOf({ ...secure, AMQP_KEY_PASSPHRASE: 'p' })).toEqual([
      'AMQP_KEY_PASSPHRASE needs AMQP_KEY_FILE: it opens that key',
    ]);
  });
});

describe('a start that is refused says why in one message, without a stack', () => {
  const plain = /^orderflow: (?!.*(?:\n {4}at |node:internal))/s;

  it('mistakes: each on its own line, exit code 2', async () => {
    const env = { PORT: 'x', LOG_LEVEL: 'loud' };
    const { exitCode, stdout, stderr } = await refusedStart(env);
    expect(stderr).toBe(
      'orderflow: the configuration is not valid:\n' +
        '  PORT must be a whole number from 0 to 65535\n' +
        '  LOG_LEVEL must be one of trace, debug, info, warn, error, silent\n',
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect((await orderflow(['outbox', 'status'], env)).stderr).toBe(stderr);
  });

  it('a contradiction: exit code 2', async () => {
    const { exitCode, stderr } = await refusedStart({ ROLES: 'orders' });
    expect(stderr).toMatch(
      /^orderflow: the configuration is not valid:\n {2}ROLES names orders without relay/,
    );
    expect(exitCode).toBe(2);
  });

  it('a second process on a database that one has for itself: exit code 2, the first goes on', () =>
    inDirectory(async (directory) => {
      const env = { DATABASE_URL: `sqlite:${join(directory, 'orderflow.db')}`, LOG_LEVEL: 'info' };
      const first = await startServer(env);
      try {
        for (const second of [env, { ...env, BROKER_URL: 'amqp://127.0.0.1:1' }]) {
          const { exitCode, stdout, stderr } = await refusedStart(second);
          expect(stderr).toMatch(plain);
          expect(stderr).toMatch(/another process is using .*orderflow\.db.*BROKER_URL/s);
          expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
        }
        expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
      } finally {
        expect(await first.stop()).toBe(0);
      }
    }));

  it('a database that cannot be used: its path, the reason, what to do, and exit code 1', () =>
    inDirectory(async (directory) => {
      await writeFile(join(directory, 'garbage.db'), 'this is not a database\n'.repeat(1000));
      await mkdir(join(directory, 'directory.db'));
      const reasons: readonly (readonly [file: string, reason: string])[] = [
        ['missing/orderflow.db', `the directory ${join(directory, 'missing')} does not exist`],
        ['garbage.db', 'the file is not an SQLite database'],
        ['directory.db', 'it is not a file'],
      ];
      for (const [file, reason] of reasons) {
        const path = join(directory, file);
        for (const broker of ['memory:', 'amqp://127.0.0.1:1']) {
          const ended = await refusedStart({ DATABASE_URL: `sqlite:${path}`, BROKER_URL: broker });
          expect(ended).toEqual({
            exitCode: 1,
            stdout: '',
            stderr:
              `orderflow: The database ${path} cannot be used: ${reason}. ` +
              'Mend that, or choose another database with DATABASE_URL.\n',
          });
        }
      }
    }));

  it('a database of a newer program: what to start instead, exit code 1, and nothing is changed', () =>
    inDirectory(async (directory) => {
      const file = join(directory, 'orderflow.db');
      await orderflow(['migrate', 'up'], { DATABASE_URL: `sqlite:${file}` });
      const tool = createKnex({ client: 'sqlite3', connection: { filename: file }, useNullAsDefault: true });
      await tool('schema_migrations').insert({ name: '9999_later', batch: 2, migration_time: new Date() });
      const { exitCode, stdout, stderr } = await refusedStart({ DATABASE_URL: `sqlite:${file}` });
      expect(stderr).toBe(
        'orderflow: The database has migrations that this program does not know (9999_later). ' +
          'Start a program at least as new as the one that last wrote to it.\n',
      );
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      await tool.destroy();
    }));

  it('an address that is taken, or is not of this machine: exit code 1', async () => {
    const server = await startServer({ DATABASE_URL: 'sqlite::memory:' });
    try {
      const port = new URL(server.url).port;
      const taken = await refusedStart({ DATABASE_URL: 'sqlite::memory:', PORT: port });
      expect(taken.stderr).toMatch(plain);
      expect(taken.stderr).toMatch(new RegExp(`127.0.0.1:${port}.*set PORT to a free one`));
      expect(taken.exitCode).toBe(1);
      const elsewhere = await refusedStart({ DATABASE_URL: 'sqlite::memory:', HOST: '203.0.113.1' });
      expect(elsewhere.stderr).toMatch(plain);
      expect(elsewhere.stderr).toContain('Set HOST and PORT to an address');
      expect(elsewhere.exitCode).toBe(1);
    } finally {
      await server.stop();
    }
  });
});
