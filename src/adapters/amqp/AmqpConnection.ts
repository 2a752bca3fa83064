import type { ChannelModel } from 'amqplib';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { type Backoff, fullJitter } from './backoff.ts';
import { type BrokerAddress, shuffled } from './brokerAddresses.ts';
import { ConnectionReport } from './ConnectionReport.ts';
import { settledWithin, within } from './deadline.ts';
import { describeError } from './describeError.ts';
import { dropConnection, openConnection, streamOf } from './openConnection.ts';
import type { TlsFiles } from './tlsFiles.ts';

export interface ConnectionSettings {
  readonly addresses: readonly BrokerAddress[];
  /** Shown by the broker, so that an operator can tell who is who. */
  readonly name: string;
  readonly connectTimeoutMs: number;
  /** Limit for preparing a connection: topology, channels. */
  readonly setupTimeoutMs: number;
  readonly heartbeatSeconds: number;
  readonly tls: TlsFiles;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

export interface ConnectionUser {
  /** Prepares a new connection; the connection counts as up when this resolves, and is dropped when it rejects. */
  up(connection: ChannelModel): Promise<void>;
  /** The connection is gone. Called once for each call of `up`, whatever came of it. */
  down(reason: string): void;
  blocked(): void;
  unblocked(): void;
}

/** A connection that lasted this long was a good one: the next attempt after it starts without backoff. */
const goodConnectionMs = 5000;

/**
 * One connection that is always wanted: a single loop connects to the first host that answers, waits for the end of
 * that connection, and starts again, for ever, until `close`. The end is what the event `close` tells; a
 * server-forced close emits no `error` (amqplib 2.3.1, lib/connection.js).
 */
export class AmqpConnection {
  private readonly settings: ConnectionSettings;
  private readonly user: ConnectionUser;
  private readonly report: ConnectionReport;
  private readonly stopping = new AbortController();
  private current: ChannelModel | null = null;
  private started = false;

  constructor(settings: ConnectionSettings, user: ConnectionUser) {
    this.settings = settings;
    this.user = user;
    this.report = new ConnectionReport(settings.logger, settings.name);
  }

  start(): void {
    if (this.started) return;
    this.started = true;
    void this.run();
  }

  /** Ends a connection without ceremony; the next one follows, unless this one is closed for good. */
  drop(connection: ChannelModel): void {
    dropConnection(connection);
  }

  /** Ends the connection and the attempts to have one, within `ms`. */
  async close(ms: number): Promise<void> {
    this.stopping.abort();
    const { current } = this;
    if (current === null) return;
    // It never settles when the socket dies during it.
    await settledWithin(this.settings.clock, ms, current.close());
    this.drop(current);
  }

  private async run(): Promise<void> {
    const { clock, backoff, random } = this.settings;
    const { signal } = this.stopping;
    let attempt = 0;
    while (!signal.aborted) {
      const connection = await this.connectToAny();
      const since = clock.now();
      if (connection !== null) await this.use(connection);
      attempt = connection !== null && clock.now() - since >= goodConnectionMs ? 0 : attempt + 1;
      if (!signal.aborted) await clock.sleep(fullJitter(backoff, attempt, random), signal);
    }
  }

  private async connectToAny(): Promise<ChannelModel | null> {
    const failures: string[] = [];
    for (const address of shuffled(this.settings.addresses, this.settings.random)) {
      if (this.stopping.signal.aborted) return null;
      try {
        return await this.connectTo(address);
      } catch (error) {
        failures.push(`${address.label}: ${describeError(error)}`);
      }
    }
    this.report.away(failures.join(', '));
    return null;
  }

  private connectTo(address: BrokerAddress): Promise<ChannelModel> {
    const { clock, connectTimeoutMs: timeoutMs, heartbeatSeconds, name, tls } = this.settings;
    const onError = (error: unknown): void => this.report.detail(describeError(error));
    return openConnection(address, { clock, timeoutMs, heartbeatSeconds, name, tls, onError });
  }

  /** From a fresh connection to its end. */
  private async use(connection: ChannelModel): Promise<void> {
    const ended = new Promise<string>((resolve) => {
      connection.on('close', (error) => resolve(error === undefined ? 'closed' : describeError(error)));
      // It may have ended before anybody could listen.
      if (streamOf(connection).writableEnded || streamOf(connection).destroyed) resolve('closed at once');
    });
    if (this.stopping.signal.aborted) {
      this.drop(connection);
      return;
    }
    this.current = connection;
    connection.on('blocked', () => this.user.blocked());
    connection.on('unblocked', () => this.user.unblocked());
    await this.prepare(connection, ended);
    const reason = await ended;
    // Half-open sockets would linger otherwise: the library only ends its own side.
    this.drop(connection);
    this.current = null;
    this.user.down(reason);
    if (!this.stopping.signal.aborted) this.report.lost(reason);
  }

  private async prepare(connection: ChannelModel, ended: Promise<string>): Promise<void> {
    const { clock, setupTimeoutMs } = this.settings;
    const cut = ended.then((reason): never => {
      throw new Error(reason);
    });
    try {
      const prepared = Promise.race([this.user.up(connection), cut]);
      await within(clock, setupTimeoutMs, prepared, `the broker did not answer within ${setupTimeoutMs} ms`);
      this.report.connected();
    } catch (error) {
      if (!this.stopping.signal.aborted) this.report.unusable(error);
      this.drop(connection);
    } finally {
      cut.catch(() => undefined);
    }
  }
}
