import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noticeFor } from '../../src/domain/notifications/notices.ts';
import {
  type NotificationCommand,
  type NotificationEvent,
  nextAttempt,
  type Route,
  roundDelaysMs,
} from '../../src/domain/notifications/notification.ts';
import { notificationAggregate } from '../../src/domain/notifications/notificationAggregate.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { given } from '../support/given.ts';
import { propertyOptions } from '../support/properties.ts';

const rounds = roundDelaysMs.length + 1;
const at = '2026-11-23T05:00:00.000Z';
const decider = notificationAggregate.decider;
const mail: Route = { channel: 'email', recipient: 'a@shop.example' };
const log: Route = { channel: 'log', recipient: 'c-42' };
const confirmed = { template: 'order-confirmed', values: { orderId: 'o-1', customerId: 'c-42' } } as const;

const request = (...routes: readonly Route[]): NotificationCommand => ({
  type: 'RequestNotification',
  at,
  notificationId: 'n-1',
  ...confirmed,
  routes,
});
const requested = (...routes: readonly Route[]): NotificationEvent => ({
  type: 'NotificationRequested',
  at,
  data: { notificationId: 'n-1', ...confirmed, routes },
});
const fail = (attempt: number, forGood = false): NotificationCommand => ({
  type: 'RecordAttemptFailed',
  at,
  notificationId: 'n-1',
  attempt,
  error: 'not now',
  forGood,
});
const attemptFailed = (attempt: number, route: Route, forGood = false): NotificationEvent => ({
  type: 'AttemptFailed',
  at,
  data: { notificationId: 'n-1', ...route, attempt, error: 'not now', forGood },
});
const sent = (route: Route): NotificationEvent => ({
  type: 'NotificationSent',
  at,
  data: { notificationId: 'n-1', ...route },
});
const standing = (...events: readonly NotificationEvent[]) => fold(decider, events).byId.get('n-1')!;

describe('which event tells whom what', () => {
  const contact = { customerId: 'c-42', email: null };
  const about = (type: string, data: Record<string, unknown> = {}) =>
    noticeFor({ orderId: 'o-1', type: `orderflow.order.${type}.v1`, data }, contact);

  it.each([
    ['confirmed', {}, 'order-confirmed', {}],
    [
      'shipped',
      { carrier: 'UPS', trackingNumber: '1Z' },
      'order-shipped',
      { carrier: 'UPS', trackingNumber: '1Z' },
    ],
    [
      'cancelled',
      { cancelReason: 'out_of_stock' },
      'order-cancelled',
      { reason: 'because it is out of stock' },
    ],
    ['payment-failed', { reason: 'card declined' }, 'payment-failed', { reason: 'card declined' }],
    ['refunded', { amount: 500, currency: 'EUR' }, 'order-refunded', { amount: '500', currency: 'EUR' }],
  ])('%s', (type, data, template, values) => {
    expect(about(type, data)).toEqual({
      template,
      values: { orderId: 'o-1', customerId: 'c-42', ...values },
    });
  });

  it('what is nobody’s news tells nothing, and what is missing is left out', () => {
    expect(about('stock-reserved')).toBeNull();
    expect(about('payment-failed', { reason: null })?.values.reason).toBe('');
  });
});

describe('a notification', () => {
  it('is requested once, however often its event is told', () => {
    given(decider).when(request(mail)).thenEvents(requested(mail));
    given(decider, requested(mail)).when(request(log)).thenNothing();
  });

  it('is sent once', () => {
    const record: NotificationCommand = { type: 'RecordSent', at, notificationId: 'n-1', ...mail };
    given(decider, requested(mail)).when(record).thenEvents(sent(mail));
    given(decider, requested(mail), sent(mail)).when(record).thenNothing();
    given(decider).when(record).thenNothing();
  });

  it('falls back to the next channel at once, and begins anew later', () => {
    expect(nextAttempt(standing(requested(mail, log)))).toEqual({ ...mail, attempt: 1, delayMs: 0 });
    given(decider, requested(mail, log)).when(fail(1)).thenEvents(attemptFailed(1, mail));
    const once = [requested(mail, log), attemptFailed(1, mail)];
    expect(nextAttempt(standing(...once))).toEqual({ ...log, attempt: 2, delayMs: 0 });
    given(decider, ...once)
      .when(fail(2))
      .thenEvents(attemptFailed(2, log));
    expect(nextAttempt(standing(...once, attemptFailed(2, log)))).toEqual({
      ...mail,
      attempt: 3,
      delayMs: 10_000,
    });
  });

  it('has failed when no try is left', () => {
    const failures = Array.from({ length: rounds - 1 }, (_, index) => attemptFailed(index + 1, mail));
    given(decider, requested(mail), ...failures)
      .when(fail(rounds))
      .thenEvents(attemptFailed(rounds, mail), {
        type: 'NotificationFailed',
        at,
        data: { notificationId: 'n-1', ...mail, error: 'not now' },
      });
  });

  it('does not try again what is refused for good', () => {
    given(decider, requested(mail))
      .when(fail(1, true))
      .thenEvents(attemptFailed(1, mail, true), {
        type: 'NotificationFailed',
        at,
        data: { notificationId: 'n-1', ...mail, error: 'not now' },
      });
    const refused = [requested(mail, log), attemptFailed(1, mail, true)];
    expect(nextAttempt(standing(...refused))).toEqual({ ...log, attempt: 2, delayMs: 0 });
    const later = nextAttempt(standing(...refused, attemptFailed(2, log)));
    expect(later).toEqual({ ...log, attempt: 3, delayMs: 10_000 });
  });

  it('takes each attempt’s failure once, and none when it is settled', () => {
    given(decider, requested(mail), attemptFailed(1, mail)).when(fail(1)).thenNothing();
    given(decider, requested(mail)).when(fail(2)).thenNothing();
    given(decider, requested(mail), sent(mail)).when(fail(1)).thenNothing();
    given(decider).when(fail(1)).thenNothing();
  });

  it('tells the outside world what was told, and no address', () => {
    const events = [requested(mail, log), attemptFailed(1, mail), sent(log)];
    const message = notificationAggregate.toPublic(sent(log), fold(decider, events), 'o-1', 3);
    expect(message).toEqual({
      name: 'notification.sent',
      data: { orderId: 'o-1', notificationId: 'n-1', template: 'order-confirmed', channel: 'log' },
    });
    expect(notificationAggregate.isPublic?.('AttemptFailed')).toBe(false);
    expect(notificationAggregate.isPublic?.('ContactNoted')).toBe(false);
  });

  it('ends, whatever fails: sent, or failed after a bounded number of tries', () => {
    const routes = fc.uniqueArray(fc.constantFrom(mail, log), { minLength: 1, maxLength: 2 });
    const property = fc.property(routes, fc.array(fc.boolean(), { maxLength: 20 }), (given, works) => {
      let state = fold(decider, [requested(...given)]);
      let tries = 0;
      for (;;) {
        const next = nextAttempt(state.byId.get('n-1')!);
        if (next === null) break;
        const ok = works[tries] === true;
        tries += 1;
        const command: NotificationCommand = ok
          ? {
              type: 'RecordSent',
              at,
              notificationId: 'n-1',
              channel: next.channel,
              recipient: next.recipient,
            }
          : fail(next.attempt);
        const decision = decider.decide(command, state);
        if (!decision.ok) throw new Error('a fact was refused');
        state = fold(decider, decision.events, state);
      }
      const firstThatWorks = works.indexOf(true);
      const most = given.length * rounds;
      const isSent = firstThatWorks >= 0 && firstThatWorks < most;
      expect(state.byId.get('n-1')?.status).toBe(isSent ? 'sent' : 'failed');
      expect(tries).toBe(isSent ? firstThatWorks + 1 : most);
    });
    fc.assert(property, propertyOptions({ numRuns: 200 }));
  });
});
