import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectAmqpBroker } from '../../src/adapters/amqp/connectAmqpBroker.ts';
import type { TlsFiles } from '../../src/adapters/amqp/tlsFiles.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { publication } from '../contracts/brokerHarness.ts';
import { topologyWith } from '../support/brokerTopology.ts';
import {
  type Authority,
  type Certificate,
  certificateAuthority,
  missingOpenssl,
} from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { orderflow, refusedStart } from '../support/programs.ts';
import {
  describeWithOwnRabbit,
  freePort,
  type RabbitHome,
  type RabbitNode,
  rabbitHome,
  startRabbitNode,
} from '../support/rabbitNode.ts';
import { recordingLogger } from '../support/recordingLogger.ts';
import { uniquePrefix } from '../support/services.ts';

const describeTls = missingOpenssl === '' ? describe : describe.skip;
const skipped = missingOpenssl === '' ? '' : ` (skipped: ${missingOpenssl})`;
const passphrase = 'open-sesame';
const password = 'pä ss/w@rd:%25+hunter2';

describeTls(`amqps${skipped}`, () => {
  let directory: string;
  let ours: Authority;
  let client: Certificate;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'orderflow-tls-'));
    ours = await certificateAuthority(directory, 'ours');
    client = await ours.issue('client', { passphrase });
  });

  afterAll(() => rm(directory, { recursive: true }));

  const withBroker = async (
    url: string,
    tls: TlsFiles,
    test: (
      broker: ReturnType<typeof connectAmqpBroker>,
      logger: ReturnType<typeof recordingLogger>,
    ) => Promise<void>,
  ): Promise<void> => {
    const logger = recordingLogger();
    const topology = topologyWith(uniquePrefix(), [{ name: 'q', bindings: [['events', '#']] }]);
    const backoff = { baseMs: 10, capMs: 50 };
    const broker = connectAmqpBroker({ urls: url, tls, topology, clock: systemClock, logger, backoff });
    try {
      await test(broker, logger);
    } finally {
      await broker.close();
    }
    expect(JSON.stringify(logger.entries)).not.toMatch(/hunter2|sesame/);
  };

  /** Once in the log as an error, and tried on. */
  const isRefused = (url: string, tls: TlsFiles, reason: RegExp): Promise<void> =>
    withBroker(url, tls, async (broker, logger) => {
      const attempts = () => logger.entries.filter(({ message }) => message.includes('TLS'));
      await eventually(() => expect(attempts().length).toBeGreaterThan(6));
      const errors = attempts().filter(({ level }) => level === 'error');
      // One for each of the two connections.
      expect(errors).toHaveLength(2);
      expect(errors[0]!.fields).toMatchObject({ reason: expect.stringMatching(reason) });
      expect(broker.state).toBe('connecting');
    });

  describeWithOwnRabbit('with a RabbitMQ that wants a certificate of its clients', () => {
    let home: RabbitHome;
    let node: RabbitNode;
    let url: string;
    let server: Certificate;

    beforeAll(async () => {
      server = await ours.issue('server');
      home = await rabbitHome();
      const port = await freePort();
      node = await startRabbitNode(home, {
        config: [
          `listeners.ssl.default = 127.0.0.1:${port}`,
          `ssl_options.cacertfile = ${ours.cert}`,
          `ssl_options.certfile = ${server.cert}`,
          `ssl_options.keyfile = ${server.key}`,
          'ssl_options.verify = verify_peer',
          'ssl_options.fail_if_no_peer_cert = true',
        ],
      });
      await node.ctl('add_user', 'anna', password);
      await node.ctl('set_permissions', 'anna', '.*', '.*', '.*');
      url = `amqps://anna:${encodeURIComponent(password)}@127.0.0.1:${port}`;
    }, 180_000);

    afterAll(() => home.close(), 60_000);

    const files = (): TlsFiles => ({
      caFile: ours.cert,
      certFile: client.cert,
      keyFile: client.key,
      keyPassphrase: passphrase,
    });

    it('a message goes through, with a private authority, a client certificate and an odd password', () =>
      withBroker(url, files(), async (broker) => {
        await broker.whenReady(AbortSignal.timeout(20_000));
        expect(await broker.publish(publication())).toEqual({ kind: 'confirmed' });
      }));

    it('the server may be known by another name than that of the URL', async () => {
      await withBroker(url, { ...files(), servername: 'localhost' }, async (broker) => {
        await broker.whenReady(AbortSignal.timeout(20_000));
        expect(broker.state).toBe('connected');
      });
      await isRefused(
        url,
        { ...files(), servername: 'elsewhere.example' },
        /does not match.*elsewhere\.example/,
      );
    });

    it('a client without a certificate is refused', () =>
      isRefused(url, { caFile: ours.cert }, /certificate required|handshake failure/i));

    it('a client with a certificate of another authority is refused', async () => {
      const theirs = await certificateAuthority(directory, 'theirs');
      const stranger = await theirs.issue('stranger');
      const tls = { caFile: ours.cert, certFile: stranger.cert, keyFile: stranger.key };
      await isRefused(url, tls, /unknown ca|bad certificate/i);
    });

    it('a server of an authority that is not trusted is refused', async () => {
      const other = await certificateAuthority(directory, 'other');
      await isRefused(url, { ...files(), caFile: other.cert }, /certificate/);
      await isRefused(
        url,
        { certFile: client.cert, keyFile: client.key, keyPassphrase: passphrase },
        /certificate/,
      );
    });

    it('renewed files are taken without a restart', async () => {
      const caFile = join(directory, 'renewed.pem');
      await writeFile(caFile, await readFile((await certificateAuthority(directory, 'old')).cert));
      await withBroker(url, { ...files(), caFile }, async (broker, logger) => {
        await eventually(() => expect(logger.entries.length).toBeGreaterThan(2));
        await writeFile(caFile, await readFile(ours.cert));
        await broker.whenReady(AbortSignal.timeout(20_000));
        expect((await broker.publish(publication())).kind).toBe('confirmed');
      });
    });

    it('the command line uses the same files', async () => {
      const env = {
        BROKER_URL: url,
        QUEUE_PREFIX: uniquePrefix(),
        AMQP_CA_FILE: ours.cert,
        AMQP_CERT_FILE: client.cert,
        AMQP_KEY_FILE: client.key,
        AMQP_KEY_PASSPHRASE: passphrase,
      };
      const applied = await orderflow(['topology', 'apply'], env);
      expect(applied).toMatchObject({ exitCode: 0, stderr: '' });
      const refused = await orderflow(['topology', 'apply'], { BROKER_URL: url });
      expect(refused.exitCode).toBe(1);
      expect(refused.stderr).toMatch(/certificate/);
      expect(refused.stderr).not.toContain('hunter2');
    });
  });

  it('an expired certificate is refused, and so is one that vouches for itself', async () => {
    const expired = await ours.issue('expired', { days: -1 });
    const alone = await certificateAuthority(directory, 'localhost');
    for (const [certificate, reason] of [
      [expired, /certificate has expired/],
      [alone, /self-signed certificate/],
    ] as const) {
      const [cert, key] = [await readFile(certificate.cert), await readFile(certificate.key)];
      const server = createServer({ cert, key });
      server.on('tlsClientError', () => undefined);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const url = `amqps://anna:${encodeURIComponent(password)}@localhost:${port}`;
      await isRefused(url, { caFile: ours.cert }, reason);
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('files that cannot be used are a mistake in the configuration', async () => {
    const BROKER_URL = `amqps://anna:${encodeURIComponent(password)}@127.0.0.1:1`;
    const other = await ours.issue('another');
    const notPem = join(directory, 'not.pem');
    await writeFile(notPem, 'hello');
    const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ AMQP_CA_FILE: join(directory, 'nowhere.pem') }, /cannot be read: ENOENT.*nowhere\.pem/],
      [{ AMQP_CA_FILE: notPem }, /not\.pem is no PEM file/],
      [{ AMQP_CERT_FILE: client.cert, AMQP_KEY_FILE: other.key }, /the key is not that of the certificate/],
      [{ AMQP_CERT_FILE: client.cert, AMQP_KEY_FILE: client.key }, /passphrase is missing or wrong/],
      [
        { AMQP_CERT_FILE: client.cert, AMQP_KEY_FILE: client.key, AMQP_KEY_PASSPHRASE: 'guessed' },
        /passphrase is missing or wrong/,
      ],
    ];
    for (const [env, message] of cases) {
      const { exitCode, stderr } = await refusedStart({
        BROKER_URL,
        DATABASE_URL: 'sqlite::memory:',
        ...env,
      });
      expect(stderr).toMatch(/^orderflow: the configuration is not valid:\n {2}AMQP_/);
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/hunter2|guessed/);
      expect(exitCode).toBe(2);
    }
  }, 60_000);
});
