import type { Logger } from '../../ports/logger.ts';
import { TopologyRefused } from './declareTopology.ts';
import { describeError } from './describeError.ts';

/** Tells how a connection fares: once per change, however many attempts there are; attempts are for `debug`. */
export class ConnectionReport {
  private readonly logger: Logger;
  private readonly connection: string;
  private condition = 'new';

  constructor(logger: Logger, connection: string) {
    this.logger = logger;
    this.connection = connection;
  }

  connected(): void {
    this.change('connected', 'info', '', 'connected to the broker');
  }

  lost(reason: string): void {
    if (this.condition !== 'connected') return;
    this.change('away', 'warn', reason, 'the broker connection was lost; reconnecting until it is back');
  }

  /** No host could be connected to. */
  away(reasons: string): void {
    // The last is what amqplib 2.3.1 says when the broker closes instead of opening a virtual host: there is none of
    // this name. The broker's own words do not come through.
    if (/ACCESS.REFUSED|NOT.ALLOWED|Expected ConnectionOpenOk; got <ConnectionClose/.test(reasons)) {
      const advice = 'check user, password, virtual host and permissions of the broker URL; trying on';
      this.change('refused', 'error', reasons, `the broker refuses the connection: ${advice}`);
    } else if (/certificate|\bTLS|\bSSL|PEM file|key is encrypted|cannot be read/i.test(reasons)) {
      const advice = "check the authority, the client's certificate and the name of the server; trying on";
      this.change('insecure', 'error', reasons, `TLS with the broker fails: ${advice}`);
    } else {
      this.change('away', 'warn', reasons, 'the broker cannot be reached; trying until it can');
    }
  }

  /** Connected, but what must be there could not be prepared. */
  unusable(error: unknown): void {
    const reason = describeError(error);
    const level = error instanceof TopologyRefused ? 'error' : 'warn';
    this.change(`unusable: ${reason}`, level, reason, 'the broker cannot be used as it is; trying on');
  }

  detail(reason: string): void {
    this.logger.debug({ connection: this.connection, reason }, 'broker connection error');
  }

  private change(condition: string, level: 'info' | 'warn' | 'error', reason: string, message: string): void {
    const fields = { connection: this.connection, ...(reason === '' ? {} : { reason }) };
    this.logger[condition === this.condition ? 'debug' : level](fields, message);
    this.condition = condition;
  }
}
