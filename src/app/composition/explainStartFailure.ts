import { CertificateUnusable } from '../../adapters/http/certificate.ts';
import { TemplateError } from '../../adapters/notifications/templates.ts';
import { DatabaseInUse } from '../../adapters/sql/processLock.ts';
import { StoreUnavailable } from '../../ports/unitOfWork.ts';
import { ConfigError } from '../config.ts';

/** What a person who started the program is told, and the exit code: 2 for what another configuration would mend. */
export const explainStartFailure = (
  error: unknown,
): { readonly message: string; readonly exitCode: 1 | 2 } => {
  if (error instanceof ConfigError) {
    const mistakes = error.mistakes.map((mistake) => `  ${mistake}`).join('\n');
    return { exitCode: 2, message: `the configuration is not valid:\n${mistakes}` };
  }
  if (error instanceof DatabaseInUse) {
    return {
      exitCode: 2,
      message:
        `${error.message}. Services share a database file only when all of them have BROKER_URL set to a RabbitMQ ` +
        'server: with memory: nobody else sees their messages. Stop the other process, or choose another DATABASE_URL.',
    };
  }
  if (error instanceof CertificateUnusable) {
    return { exitCode: 2, message: `TLS cannot be served: ${error.message}` };
  }
  if (error instanceof TemplateError) {
    return { exitCode: 2, message: `${error.message}. Mend it, or set NOTIFY_TEMPLATES to another folder.` };
  }
  if (!(error instanceof Error)) return { exitCode: 1, message: String(error) };
  if (error instanceof StoreUnavailable) {
    const sentence = error.message.endsWith('.') ? error.message : `${error.message}.`;
    return { exitCode: 1, message: `${sentence} Mend that, or choose another database with DATABASE_URL.` };
  }
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return {
      exitCode: 1,
      message: `${error.message}. Another program listens there: set PORT to a free one.`,
    };
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return {
      exitCode: 1,
      message: `${error.message}. Set HOST and PORT to an address this user may listen on.`,
    };
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { exitCode: 1, message: `${error.message}. Set HOST to a name or an address of this machine.` };
  }
  return { exitCode: 1, message: error.message };
};
