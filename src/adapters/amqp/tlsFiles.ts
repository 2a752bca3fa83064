import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { describeError } from './describeError.ts';

/** What `amqps:` needs beyond the system's own authorities; all files in PEM. */
export interface TlsFiles {
  /** Whose certificates are trusted, in place of the system's authorities. */
  readonly caFile?: string;
  /** The client's certificate, with its chain, and its key. */
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly keyPassphrase?: string;
  /** The name that the server's certificate must have, where it is not that of the URL. */
  readonly servername?: string;
}

export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly servername?: string;
}

/** A file cannot be read, or does not fit the others. The message names the file, and nothing of its content. */
export class TlsFilesUnusable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TlsFilesUnusable';
  }
}

/**
 * Reads the files; done anew for each connection, so that a renewed certificate needs no restart. Rejects with
 * `TlsFilesUnusable`.
 */
export const readTlsFiles = async (files: TlsFiles): Promise<TlsMaterial> => {
  const { caFile, certFile, keyFile, keyPassphrase: passphrase, servername } = files;
  const material = {
    ...(caFile === undefined ? {} : { ca: await readPem(caFile) }),
    ...(certFile === undefined ? {} : { cert: await readPem(certFile) }),
    ...(keyFile === undefined ? {} : { key: await readPem(keyFile) }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
  requireOpenable(keyFile, material);
  try {
    createSecureContext(material);
  } catch (error) {
    const named = [caFile, certFile, keyFile].filter((file) => file !== undefined).join(', ');
    throw new TlsFilesUnusable(`${named}: ${adviceFor(describeError(error))}`, { cause: error });
  }
  return servername === undefined ? material : { ...material, servername };
};

const readPem = async (file: string): Promise<string> => {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new TlsFilesUnusable(`cannot be read: ${describeError(error)}`, { cause: error });
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new TlsFilesUnusable(`${file} is no PEM file: it has no line with -----BEGIN`);
};

/** Opened by itself, because one wrong passphrase in 256 decrypts to something that is no key, with another error. */
const requireOpenable = (file: string | undefined, { key, passphrase }: TlsMaterial): void => {
  if (key === undefined || !/ENCRYPTED/.test(key)) return;
  try {
    createPrivateKey({ key, passphrase });
  } catch (error) {
    throw new TlsFilesUnusable(
      `${file}: the key is encrypted, and its passphrase is missing or wrong (${describeError(error)})`,
      { cause: error },
    );
  }
};

const adviceFor = (reason: string): string =>
  /key values mismatch/.test(reason)
    ? `the key is not that of the certificate (${reason})`
    : `not usable for TLS (${reason})`;
