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
/** One try of one route came to nothing; `attempt` counts from 1. */
export type AttemptFailed = DomainEvent<
  'AttemptFailed',
  About & Route & { readonly attempt: number; readonly error: string }
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
export interface RecordSent extends About {
  readonly type: 'RecordSent';
  readonly at: string;
  readonly attempt: number;
}
export interface RecordAttemptFailed extends About {
  readonly type: 'RecordAttemptFailed';
  readonly at: string;
  readonly attempt: number;
  readonly error: string;
}

export type NotificationCommand = NoteContact | RequestNotification | RecordSent | RecordAttemptFailed;

export interface Notification extends Notice {
  readonly id: string;
  readonly status: 'requested' | 'sent' | 'failed';
  readonly routes: readonly Route[];
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

/** Every route is tried so often: first each of them, then each again. */
export const roundsOfAttempts = 4;

/** Waits before the second, third, … round, in ms. */
const roundDelaysMs = [10_000, 60_000, 600_000] as const;

const maxAttempts = (routes: readonly Route[]): number => routes.length * roundsOfAttempts;

/** The route of an attempt, which counts from 1. */
export const routeOf = ({ routes }: Pick<Notification, 'routes'>, attempt: number): Route =>
  routes[(attempt - 1) % routes.length]!;

/** The attempt that is next, and how long it waits; null when the notification is settled. */
export const nextAttempt = (
  notification: Notification,
): { readonly attempt: number; readonly delayMs: number } | null => {
  const { status, routes, failures } = notification;
  if (status !== 'requested') return null;
  const startsRound = failures > 0 && failures % routes.length === 0;
  const delayMs = startsRound ? (roundDelaysMs[failures / routes.length - 1] ?? 0) : 0;
  return { attempt: failures + 1, delayMs };
};

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
      return { ...before, route, failures: event.data.attempt, error: event.data.error };
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
  { at, notificationId, attempt }: RecordSent,
  { byId }: Notifications,
): NotificationDecision => {
  const notification = byId.get(notificationId);
  if (notification === undefined || notification.status === 'sent') return accept();
  const data = { notificationId, ...routeOf(notification, attempt) };
  return accept<NotificationEvent>({ type: 'NotificationSent', at, data });
};

/** What is reported twice, or after the matter is settled, changes nothing. */
const recordAttemptFailed = (
  { at, notificationId, attempt, error }: RecordAttemptFailed,
  { byId }: Notifications,
): NotificationDecision => {
  const notification = byId.get(notificationId);
  if (notification?.status !== 'requested' || attempt !== notification.failures + 1) return accept();
  const about = { notificationId, ...routeOf(notification, attempt), error };
  const failed: NotificationEvent = { type: 'AttemptFailed', at, data: { ...about, attempt } };
  return attempt < maxAttempts(notification.routes)
    ? accept(failed)
    : accept<NotificationEvent>(failed, { type: 'NotificationFailed', at, data: about });
};
