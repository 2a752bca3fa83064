import {
  BrokenCircuitError,
  bulkhead,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import type { Logger } from '../../ports/logger.ts';
import { type NotificationSender, SendRefused } from '../../ports/notificationSender.ts';

export interface Resilience {
  /** Of one try, from its start on. */
  readonly timeoutMs: number;
  /** Sent side by side at most; others wait. */
  readonly atOnce: number;
  /** Further tries, at once. */
  readonly retries: number;
  /** So many failures in a row, and the channel is left alone for `restMs`. */
  readonly breakAfter: number;
  readonly restMs: number;
}

/**
 * A sender that never takes long, tries again at once, and leaves a receiver that is down alone for a while. What it
 * refuses for good is not tried again, and is no sign of being down.
 */
export const resilientSender = (
  channel: string,
  sender: NotificationSender,
  logger: Logger,
  { timeoutMs, atOnce, retries, breakAfter, restMs }: Resilience,
): NotificationSender => {
  const mayPass = handleWhen((error) => !(error instanceof SendRefused));
  const worthRetrying = handleWhen(
    (error) => !(error instanceof SendRefused || error instanceof BrokenCircuitError),
  );
  const breaker = circuitBreaker(mayPass, {
    halfOpenAfter: restMs,
    breaker: new ConsecutiveBreaker(breakAfter),
  });
  breaker.onBreak(() => logger.warn({ channel, restMs }, 'the channel fails; it is left alone for a while'));
  breaker.onReset(() => logger.info({ channel }, 'the channel works again'));
  const policy = wrap(
    retry(worthRetrying, { maxAttempts: retries, backoff: new ExponentialBackoff({ initialDelay: 200 }) }),
    breaker,
    bulkhead(atOnce, Number.POSITIVE_INFINITY),
    timeout(timeoutMs, TimeoutStrategy.Aggressive),
  );
  return {
    send: async (notification, signal) => {
      try {
        await policy.execute((context) => sender.send(notification, context.signal), signal);
      } catch (error) {
        throw error instanceof BrokenCircuitError
          ? new Error('the channel has failed lately and is left alone', { cause: error })
          : error;
      }
    },
    close: () => sender.close(),
  };
};
