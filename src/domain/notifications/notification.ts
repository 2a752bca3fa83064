import { accept, type Decision, type DomainEvent } from '../shared/decider.ts';
import type { Contact, Notice } from './notices.ts';

export type Channel = 'log' | 'email' | 'webhook';

/** One way to try: a channel, and whom it reaches. */
export interface Route {
  readonly channel: Channel;
  readonly recipient: string;
}

interface About {
  /** The id of the message whose news it is: the same news is told once. */
  readonly notificationId: string;
}

export type ContactNoted = DomainEvent<'ContactNoted', Contact>;
export type NotificationRequested = DomainEvent<
  'NotificationRequested',
  About & Notice & { readonly routes: readonly Route[] }
>;
/** One try of one route came to nothing; `attempt` counts from 1. `forGood`: this route is not tried again. */
export type AttemptFailed = DomainEvent<
  'AttemptFailed',
  About & Route & { readonly attempt: number; readonly error: string; readonly forGood: boolean }
>;
export type NotificationSent = DomainEvent<'NotificationSent', About & Route>;
/** No try is left. */
export type NotificationFailed = DomainEvent<
  'NotificationFailed',
  About & Route & { readonly error: string }
>;

export type NotificationEvent =
  | ContactNoted
  | NotificationRequested
  | AttemptFailed
  | NotificationSent
  | NotificationFailed;

export interface NoteContact extends Contact {
  readonly type: 'NoteContact';
  readonly at: string;
}
export interface RequestNotification extends About, Notice {
  readonly type: 'RequestNotification';
  readonly at: string;
  /** In the order in which they are tried; at least one. */
  readonly routes: readonly Route[];
}
export interface RecordSent extends About, Route {
  readonly type: 'RecordSent';
  readonly at: string;
}
export interface RecordAttemptFailed extends About {
  readonly type: 'RecordAttemptFailed';
  readonly at: string;
  readonly attempt: number;
  readonly error: string;
  readonly forGood: boolean;
}

export type NotificationCommand = NoteContact | RequestNotification | RecordSent | RecordAttemptFailed;

export interface Notification extends Notice {
  readonly id: string;
  readonly status: 'requested' | 'sent' | 'failed';
  /** Those that may still be tried, in this order. */
  readonly routes: readonly Route[];
  /** How often all of them were tried, and how many of them in this round. */
  readonly rounds: number;
  readonly triedInRound: number;
  /** Tries that came to nothing. */
  readonly failures: number;
  /** That it went by, or was last tried by. */
  readonly route: Route;
  readonly error: string | null;
  readonly requestedAt: string;
  readonly sentAt: string | null;
}

/** What one order's customer was told, by notification id. */
export interface Notifications {
  readonly contact: Contact | null;
  readonly byId: ReadonlyMap<string, Notification>;
}

export const noNotifications: Notifications = { contact: null, byId: new Map() };

/** Waits before the second, third, … round, in ms; after the last the notification has failed. */
export const roundDelaysMs = [10_000, 60_000, 600_000, 3_600_000, 21_600_000] as const;

export interface Attempt extends Route {
  /** Counts from 1. */
  readonly attempt: number;
  readonly delayMs: number;
}

/** The attempt that is next; null when the notification is settled. */
export const nextAttempt = (notification: Notification): Attempt | null => {
  const { status, routes, rounds, triedInRound, failures } = notification;
  const route = routes[triedInRound];
  if (status !== 'requested' || route === undefined) return null;
  const delayMs = triedInRound === 0 && rounds > 0 ? (roundDelaysMs[rounds - 1] ?? 0) : 0;
  return { ...route, attempt: failures + 1, delayMs };
};

/** Every route is tried once in a round; one that is refused for good is in no later one. */
const afterFailure = (before: Notification, { data }: AttemptFailed): Notification => {
  const { channel, recipient, attempt, error, forGood } = data;
  const routes = forGood ? before.routes.filter((_, place) => place !== before.triedInRound) : before.routes;
  const tried = forGood ? before.triedInRound : before.triedInRound + 1;
  const roundIsOver = tried >= routes.length;
  return {
    ...before,
    routes,
    rounds: roundIsOver ? before.rounds + 1 : before.rounds,
    triedInRound: roundIsOver ? 0 : tried,
    failures: attempt,
    route: { channel, recipient },
    error,
  };
};

const isHopeless = ({ routes, rounds }: Notification): boolean =>
  routes.length === 0 || rounds > roundDelaysMs.length;

export const evolveNotifications = (state: Notifications, event: NotificationEvent): Notifications => {
  if (event.type === 'ContactNoted') return { ...state, contact: event.data };
  const { notificationId } = event.data;
  const before = state.byId.get(notificationId);
  return { ...state, byId: new Map(state.byId).set(notificationId, changed(before, event)) };
};

const changed = (
  before: Notification | undefined,
  event: Exclude<NotificationEvent, ContactNoted>,
): Notification => {
  if (event.type === 'NotificationRequested') {
    const { notificationId: id, template, values, routes } = event.data;
    return {
      id,
      template,
      values,
      routes,
      rounds: 0,
      triedInRound: 0,
      status: 'requested',
      failures: 0,
      route: routes[0]!,
      error: null,
      requestedAt: event.at,
      sentAt: null,
    };
  }
  if (before === undefined) throw new Error(`${event.type} cannot be the first event of a notification`);
  const { channel, recipient } = event.data;
  const route = { channel, recipient };
  switch (event.type) {
    case 'AttemptFailed':
      return afterFailure(before, event);
    case 'NotificationSent':
      return { ...before, route, status: 'sent', error: null, sentAt: event.at };
    case 'NotificationFailed':
      return { ...before, route, status: 'failed', error: event.data.error };
    default:
      return event satisfies never;
  }
};

type NotificationDecision = Decision<NotificationEvent>;

export const decideNotifications = (
  command: NotificationCommand,
  state: Notifications,
): NotificationDecision => {
  switch (command.type) {
    case 'NoteContact': {
      const { at, customerId, email } = command;
      return state.contact === null
        ? accept<NotificationEvent>({ type: 'ContactNoted', at, data: { customerId, email } })
        : accept();
    }
    case 'RequestNotification': {
      const { at, notificationId, template, values, routes } = command;
      return state.byId.has(notificationId)
        ? accept()
        : accept<NotificationEvent>({
            type: 'NotificationRequested',
            at,
            data: { notificationId, template, values, routes },
          });
    }
    case 'RecordSent':
      return recordSent(command, state);
    case 'RecordAttemptFailed':
      return recordAttemptFailed(command, state);
    default:
      return command satisfies never;
  }
};

const recordSent = (
  { at, notificationId, channel, recipient }: RecordSent,
  { byId }: Notifications,
): NotificationDecision => {
  const notification = byId.get(notificationId);
  if (notification === undefined || notification.status === 'sent') return accept();
  const data = { notificationId, channel, recipient };
  return accept<NotificationEvent>({ type: 'NotificationSent', at, data });
};

/** What is reported twice, or after the matter is settled, changes nothing. */
const recordAttemptFailed = (
  { at, notificationId, attempt, error, forGood }: RecordAttemptFailed,
  state: Notifications,
): NotificationDecision => {
  const notification = state.byId.get(notificationId);
  const next = notification === undefined ? null : nextAttempt(notification);
  if (next?.attempt !== attempt) return accept();
  const { channel, recipient } = next;
  const about = { notificationId, channel, recipient, error };
  const failed: NotificationEvent = { type: 'AttemptFailed', at, data: { ...about, attempt, forGood } };
  const after = evolveNotifications(state, failed).byId.get(notificationId);
  return after !== undefined && isHopeless(after)
    ? accept<NotificationEvent>(failed, { type: 'NotificationFailed', at, data: about })
    : accept(failed);
};
