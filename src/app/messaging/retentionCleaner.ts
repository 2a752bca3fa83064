import type { CallbackCleaner } from '../../ports/callbacks.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeadLetterDesk } from '../../ports/deadLetters.ts';
import type { IdempotencyCleaner } from '../../ports/idempotencyStore.ts';
import type { InboxCleaner } from '../../ports/inbox.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Outbox } from '../../ports/outbox.ts';
import type { ReplayCleaner } from '../../ports/replays.ts';

export interface RetentionCleanerOptions {
  readonly outbox: Pick<Outbox, 'deletePublishedBefore'>;
  readonly idempotency: IdempotencyCleaner;
  readonly inbox: InboxCleaner;
  readonly callbacks: CallbackCleaner;
  readonly redrives: Pick<DeadLetterDesk, 'deleteJobsEndedBefore'>;
  readonly replays: ReplayCleaner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly outboxRetentionMs: number;
  readonly idempotencyTtlMs: number;
  readonly seenRetentionMs: number;
  readonly callbackRetentionMs: number;
  readonly jobRetentionMs: number;
  /** From one round to the next; a minute by default. */
  readonly everyMs?: number;
  /** Rows deleted at once; 500 by default. */
  readonly step?: number;
  /** Between two steps, so that other writes have their turns; 20 ms by default. */
  readonly pauseMs?: number;
}

interface Duty {
  readonly what: string;
  readonly keepMs: number;
  readonly delete: (before: number, limit: number) => Promise<number>;
}

/** Deletes what is past its retention, in small steps beside the other work. */
export class RetentionCleaner {
  private readonly options: RetentionCleanerOptions;
  private readonly duties: readonly Duty[];
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(options: RetentionCleanerOptions) {
    const { outbox, idempotency, inbox, callbacks, redrives, replays } = options;
    this.options = options;
    this.duties = [
      {
        what: 'published outbox messages',
        keepMs: options.outboxRetentionMs,
        delete: (before, limit) => outbox.deletePublishedBefore(before, limit),
      },
      {
        what: 'idempotency records',
        keepMs: options.idempotencyTtlMs,
        delete: (before, limit) => idempotency.deleteOlderThan(before, limit),
      },
      {
        what: 'seen messages',
        keepMs: options.seenRetentionMs,
        delete: (before, limit) => inbox.deleteSeenBefore(before, limit),
      },
      {
        what: 'callbacks',
        keepMs: options.callbackRetentionMs,
        delete: (before, limit) => callbacks.deleteReceivedBefore(before, limit),
      },
      {
        what: 'redrive jobs',
        keepMs: options.jobRetentionMs,
        delete: (before, limit) => redrives.deleteJobsEndedBefore(before, limit),
      },
      {
        what: 'replay jobs',
        keepMs: options.jobRetentionMs,
        delete: (before, limit) => replays.deleteEndedBefore(before, limit),
      },
    ];
  }

  /** The first round begins at once. */
  start(): void {
    this.running = this.run();
  }

  /** Ends after the step under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { clock, everyMs = 60_000 } = this.options;
    while (!this.stopping.signal.aborted) {
      for (const duty of this.duties) await this.fulfil(duty);
      await clock.sleep(everyMs, this.stopping.signal);
    }
  }

  private async fulfil(duty: Duty): Promise<void> {
    const { clock, logger, step = 500, pauseMs = 20 } = this.options;
    const before = clock.now() - duty.keepMs;
    let total = 0;
    try {
      while (!this.stopping.signal.aborted) {
        const deleted = await duty.delete(before, step);
        total += deleted;
        if (deleted < step) break;
        await clock.sleep(pauseMs, this.stopping.signal);
      }
      if (total > 0) logger.debug({ deleted: total }, `${duty.what} past their retention were deleted`);
    } catch (err) {
      logger.warn(
        { err, deleted: total },
        `${duty.what} could not be deleted; trying again in the next round`,
      );
    }
  }
}
