import { readTlsFiles, TlsFilesUnusable } from '../../adapters/amqp/tlsFiles.ts';
import { type Config, ConfigError } from '../config.ts';

/** Files for TLS that cannot be used are a mistake in the configuration: said at start, not at each attempt. */
export const checkTlsFiles = async ({ amqpTls }: Config): Promise<void> => {
  try {
    await readTlsFiles(amqpTls);
  } catch (error) {
    if (!(error instanceof TlsFilesUnusable)) throw error;
    throw new ConfigError([`AMQP_CA_FILE, AMQP_CERT_FILE, AMQP_KEY_FILE: ${error.message}`]);
  }
};
