import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';

/** Paths of files in PEM: the certificate with those that vouch for it, and its private key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate and key that belong together, as a server takes them. */
export type Certificate = Required<Pick<SecureContextOptions, 'cert' | 'key' | 'minVersion'>>;

/** What the files hold cannot be served. The message says which of them and why, and shows nothing of the key. */
export class CertificateUnusable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CertificateUnusable';
  }
}

/** Reads and checks both files. Throws `CertificateUnusable`. */
export const readCertificate = async (files: CertificateFiles, logger: Logger): Promise<Certificate> => {
  const [cert, key] = [await read('TLS_CERT', files.cert), await read('TLS_KEY', files.key)];
  const parsed = parsing(
    `${files.cert} (TLS_CERT) holds no certificate in PEM`,
    () => new X509Certificate(cert),
  );
  const privateKey = parsing(`${files.key} (TLS_KEY) holds no private key in PEM without a passphrase`, () =>
    createPrivateKey(key),
  );
  if (!parsed.checkPrivateKey(privateKey)) {
    throw new CertificateUnusable(
      `the key in ${files.key} (TLS_KEY) does not belong to the certificate in ${files.cert} (TLS_CERT)`,
    );
  }
  const certificate = { cert, key, minVersion: 'TLSv1.2' } as const;
  parsing(`${files.cert} and ${files.key} cannot be served`, () => createSecureContext(certificate));
  const about = { subject: parsed.subject, validTo: parsed.validToDate.toISOString() };
  if (parsed.validToDate.getTime() < Date.now()) logger.warn(about, 'the TLS certificate has expired');
  else logger.info(about, 'the TLS certificate was read');
  return certificate;
};

export interface CertificateWatch {
  readonly files: CertificateFiles;
  readonly current: Certificate;
  readonly pollMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (certificate: Certificate) => void;
}

/**
 * Looks at the files now and then until `signal` fires, by content: they may be replaced, written in place, or reached
 * through a link that moves. A pair that cannot be served is told once, and the one in use stays; while only one of
 * the two files was replaced that is so for a moment.
 */
export const watchCertificate = async (watch: CertificateWatch, signal: AbortSignal): Promise<void> => {
  const { files, pollMs, clock, logger, onChange } = watch;
  let seen = contentOf(watch.current);
  let refusal = '';
  while (!signal.aborted) {
    await clock.sleep(pollMs, signal);
    if (signal.aborted) return;
    try {
      const found = await bothFiles(files);
      if (found === seen) continue;
      seen = found;
      const certificate = await readCertificate(files, logger);
      onChange(certificate);
      refusal = '';
      // What was read the second time may be newer than what was found the first time.
      seen = contentOf(certificate);
    } catch (failure) {
      const { message } = failure as Error;
      if (message !== refusal) logger.error({ err: failure }, 'the old TLS certificate stays in use');
      refusal = message;
    }
  }
};

const contentOf = ({ cert, key }: Certificate): string => `${cert}\n${key}`;

const bothFiles = async (files: CertificateFiles): Promise<string> =>
  `${await read('TLS_CERT', files.cert)}\n${await read('TLS_KEY', files.key)}`;

const read = async (variable: string, path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new CertificateUnusable(`${path} (${variable}) cannot be read: ${code}`, { cause });
  }
};

const parsing = <T>(flaw: string, parse: () => T): T => {
  try {
    return parse();
  } catch (cause) {
    throw new CertificateUnusable(flaw, { cause });
  }
};
