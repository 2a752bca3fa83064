import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CertificateUnusable, readCertificate } from '../../src/adapters/http/certificate.ts';
import { type Authority, type Certificate, certificateAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { type HttpHarness, startHttp } from '../support/httpHarness.ts';
import { recordingLogger } from '../support/recordingLogger.ts';

describe('TLS, served directly', () => {
  let directory: string;
  let authority: Authority;
  let first: Certificate;
  let second: Certificate;
  let files: Certificate;
  let api: HttpHarness;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'orderflow-tls-'));
    authority = await certificateAuthority(directory, 'authority');
    first = await authority.issue('first');
    second = await authority.issue('second');
    files = { cert: join(directory, 'used.crt'), key: join(directory, 'used.key') };
  });
  afterAll(() => rm(directory, { recursive: true }));

  const use = async ({ cert, key }: Certificate) => {
    await copyFile(cert, files.cert);
    await copyFile(key, files.key);
  };
  beforeEach(async () => {
    await use(first);
    api = await startHttp({ tls: files, limits: { certificatePollMs: 20 } });
  });
  afterEach(() => api.close());

  /** Asks over a connection of its own, unless there is an agent; resolves with the name in the certificate. */
  const ask = (agent?: Agent): Promise<{ readonly status: number | undefined; readonly name: string }> =>
    new Promise((resolve, reject) => {
      const options = { port: api.port, host: '127.0.0.1', path: '/livez', rejectUnauthorized: false };
      request({ ...options, agent: agent ?? false }, (response) => {
        const { subject } = (response.socket as TLSSocket).getPeerCertificate();
        response.resume().on('end', () => resolve({ status: response.statusCode, name: String(subject.CN) }));
      })
        .on('error', reject)
        .end();
    });
  const handshake = (maxVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({
        port: api.port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        minVersion: maxVersion,
        maxVersion,
        // Without this OpenSSL would not even offer what is too old.
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      socket.once('secureConnect', () => {
        resolve(socket.getProtocol() ?? '');
        socket.destroy();
      });
      socket.once('error', reject);
    });

  it('answers over TLS with the certificate of the files', async () => {
    expect(await ask()).toEqual({ status: 200, name: 'first' });
    const ca = await readFile(authority.cert);
    const trusting = new Agent({ ca });
    const status = await new Promise((resolve, reject) => {
      request({ port: api.port, host: '127.0.0.1', path: '/livez', agent: trusting }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
    trusting.destroy();
  });

  it('speaks TLS 1.2 and 1.3, and nothing older', async () => {
    expect(await handshake('TLSv1.2')).toBe('TLSv1.2');
    expect(await handshake('TLSv1.3')).toBe('TLSv1.3');
    await expect(handshake('TLSv1.1')).rejects.toThrow();
  });

  it('does not answer plain HTTP, and goes on', async () => {
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connectPlain(api.port, '127.0.0.1', () => socket.write('GET /livez HTTP/1.1\r\n\r\n'));
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.on('error', () => undefined).on('close', () => resolve(text));
    });
    expect(answer).not.toContain('200');
    expect((await ask()).status).toBe(200);
  });

  it('takes a new certificate without dropping connections', async () => {
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask(kept)).name).toBe('first');
    await use(second);
    await eventually(async () => expect((await ask()).name).toBe('second'));
    // The connection of before is still there, and still has the certificate that it began with.
    expect(await ask(kept)).toEqual({ status: 200, name: 'first' });
    kept.destroy();
  });

  it.each([
    ['a key of another certificate', () => copyFile(second.key, files.key), /does not belong/],
    ['a certificate that is none', () => writeFile(files.cert, 'nonsense'), /holds no certificate in PEM/],
    ['a key that is none', () => writeFile(files.key, ''), /holds no private key in PEM/],
    ['a file that is gone', () => rm(files.key), /cannot be read: ENOENT/],
  ])('keeps the old certificate over %s, and says so once', async (_what, spoil, why) => {
    await spoil();
    const told = () => api.logger.entries.filter(({ level }) => level === 'error');
    await eventually(() => expect(told()).toHaveLength(1));
    expect(told()[0]?.message).toBe('the old TLS certificate stays in use');
    expect((told()[0]!.fields as { err: Error }).err.message).toMatch(why);
    expect(await ask()).toEqual({ status: 200, name: 'first' });
    await use(second);
    await eventually(async () => expect((await ask()).name).toBe('second'));
    expect(told().length).toBeLessThanOrEqual(2);
  });

  it('is refused at the start by a sentence that says what is wrong', async () => {
    const read = (cert: string, key: string) => readCertificate({ cert, key }, recordingLogger());
    await expect(read('/nowhere/a.crt', first.key)).rejects.toThrow(
      new CertificateUnusable('/nowhere/a.crt (TLS_CERT) cannot be read: ENOENT'),
    );
    await expect(read(first.cert, second.key)).rejects.toThrow(
      `the key in ${second.key} (TLS_KEY) does not belong to the certificate in ${first.cert} (TLS_CERT)`,
    );
    await expect(read(first.key, first.key)).rejects.toThrow('holds no certificate in PEM');
    await expect(read(first.cert, first.cert)).rejects.toThrow('holds no private key in PEM');
  });
});
