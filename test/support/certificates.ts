import { execFile, execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Why no certificates can be made here; empty when they can. With REQUIRE_SERVICES=1 that is a failure. */
export const missingOpenssl = ((): string => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return '';
  } catch {
    if (process.env.REQUIRE_SERVICES === '1')
      throw new Error('openssl is not on the PATH; REQUIRE_SERVICES=1 demands it');
    return 'openssl is not on the PATH';
  }
})();

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** A certificate for localhost, as a server's and as a client's; `days` below 0 has it expired. */
  issue(
    name: string,
    options?: { readonly days?: number; readonly passphrase?: string },
  ): Promise<Certificate>;
}

/** A certificate authority whose files are in `directory`. */
export const certificateAuthority = async (directory: string, name: string): Promise<Authority> => {
  const openssl = (...args: readonly string[]) => run('openssl', [...args], { cwd: directory });
  const at = (file: string): string => join(directory, file);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const subject = ['-subj', `/CN=${name}`];
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-noenc',
    ...subject,
    '-days',
    '2',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.pem`,
  );
  return {
    cert: at(`${name}.pem`),
    key: at(`${name}.key`),
    issue: async (leaf, { days = 2, passphrase } = {}) => {
      const secrecy = passphrase === undefined ? ['-noenc'] : ['-passout', `pass:${passphrase}`];
      await writeFile(
        at(`${leaf}.ext`),
        'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
      );
      await openssl(
        'req',
        '-new',
        ...newKey,
        ...secrecy,
        '-subj',
        `/CN=${leaf}`,
        '-keyout',
        `${leaf}.key`,
        '-out',
        `${leaf}.csr`,
      );
      const signed = [
        '-CA',
        `${name}.pem`,
        '-CAkey',
        `${name}.key`,
        '-CAcreateserial',
        '-days',
        String(days),
      ];
      await openssl(
        'x509',
        '-req',
        '-in',
        `${leaf}.csr`,
        ...signed,
        '-extfile',
        `${leaf}.ext`,
        '-out',
        `${leaf}.pem`,
      );
      return { cert: at(`${leaf}.pem`), key: at(`${leaf}.key`) };
    },
  };
};
