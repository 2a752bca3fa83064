import { unescape as decodeLeniently } from 'node:querystring';
import { describeError } from './describeError.ts';

/** What a broker has, in one virtual host. */
export interface ObservedTopology {
  readonly exchanges: readonly ObservedExchange[];
  readonly queues: readonly ObservedQueue[];
  readonly bindings: readonly ObservedBinding[];
}

export interface ObservedExchange {
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Arguments;
}

export interface ObservedQueue {
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly exclusive: boolean;
  readonly arguments: Arguments;
}

export interface ObservedBinding {
  /** Empty for the default exchange, to which every queue is bound. */
  readonly source: string;
  readonly destination: string;
  readonly destinationType: string;
  readonly routingKey: string;
  readonly arguments: Arguments;
}

type Arguments = Readonly<Record<string, unknown>>;

/** The management API cannot be used; the message says why, without credentials. */
export class ManagementUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ManagementUnavailable';
  }
}

export interface ManagementAccess {
  /** Without credentials: may be shown. */
  readonly url: string;
  readonly vhost: string;
  readonly user: string;
  readonly password: string;
}

/**
 * Where the management API of an AMQP URL's broker is: `managementUrl`, or the same host at the plugin's port, which
 * is another one with TLS: what AMQP keeps secret must not travel in the clear here. The user is that of
 * `managementUrl` if it names one.
 */
export const managementAccess = (amqpUrl: string, managementUrl?: URL): ManagementAccess => {
  const amqp = new URL(amqpUrl);
  const secure = amqp.protocol === 'amqps:';
  const named = managementUrl !== undefined && managementUrl.username !== '' ? managementUrl : amqp;
  const base =
    managementUrl ?? new URL(`${secure ? 'https' : 'http'}://${amqp.hostname}:${secure ? 15671 : 15672}`);
  // The defaults are those of amqplib for a URL that leaves them out.
  const given = named.username !== '' || named.password !== '';
  return {
    url: base.origin + base.pathname.replace(/\/+$/, ''),
    vhost: amqp.pathname.length > 1 ? decodeLeniently(amqp.pathname.slice(1)) : '/',
    user: given ? decodeLeniently(named.username) : 'guest',
    password: given ? decodeLeniently(named.password) : 'guest',
  };
};

/**
 * Reads exchanges, queues and bindings through RabbitMQ's management API
 * (https://www.rabbitmq.com/docs/management#http-api). Throws `ManagementUnavailable`.
 */
export const readManagedTopology = async (
  access: ManagementAccess,
  timeoutMs = 5000,
): Promise<ObservedTopology> => {
  const [exchanges, queues, bindings] = await Promise.all([
    list(access, 'exchanges', timeoutMs),
    list(access, 'queues', timeoutMs),
    list(access, 'bindings', timeoutMs),
  ]);
  return {
    exchanges: exchanges.map((item) => ({
      name: text(item, 'name'),
      type: text(item, 'type'),
      durable: item.durable === true,
      autoDelete: item.auto_delete === true,
      internal: item.internal === true,
      arguments: argumentsOf(item),
    })),
    queues: queues.map((item) => ({
      name: text(item, 'name'),
      durable: item.durable === true,
      autoDelete: item.auto_delete === true,
      exclusive: item.exclusive === true,
      arguments: argumentsOf(item),
    })),
    bindings: bindings.map((item) => ({
      source: text(item, 'source'),
      destination: text(item, 'destination'),
      destinationType: text(item, 'destination_type'),
      routingKey: text(item, 'routing_key'),
      arguments: argumentsOf(item),
    })),
  };
};

const list = async (access: ManagementAccess, what: string, timeoutMs: number): Promise<readonly Item[]> => {
  const { url, vhost, user, password } = access;
  const body = await get(
    `${url}/api/${what}/${encodeURIComponent(vhost)}`,
    Buffer.from(`${user}:${password}`).toString('base64'),
    timeoutMs,
  );
  if (Array.isArray(body) && body.every(isItem)) return body;
  throw new ManagementUnavailable(unlikely);
};

const get = async (url: string, credentials: string, timeoutMs: number): Promise<unknown> => {
  try {
    const response = await fetch(url, {
      headers: { authorization: `Basic ${credentials}`, accept: 'application/json' },
      // Somewhere else is not where the credentials were meant to go.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.ok) return JSON.parse(await response.text());
    await response.body?.cancel();
    throw new ManagementUnavailable(
      `it answers ${response.status}${response.status === 401 ? ': the password is wrong, or the user lacks the tag "management"' : ''}`,
    );
  } catch (error) {
    if (error instanceof ManagementUnavailable) throw error;
    if (error instanceof SyntaxError) throw new ManagementUnavailable(unlikely, { cause: error });
    throw new ManagementUnavailable(whyNot(error, timeoutMs), { cause: error });
  }
};

const unlikely = "it does not answer like RabbitMQ's management API";

/** fetch says only "fetch failed", and why in the cause. */
const whyNot = (error: unknown, timeoutMs: number): string => {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  return describeError(error instanceof Error && error.cause instanceof Error ? error.cause : error);
};

type Item = Readonly<Record<string, unknown>>;

const isItem = (value: unknown): value is Item =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const text = (item: Item, name: string): string => {
  const value = item[name];
  if (typeof value === 'string') return value;
  throw new ManagementUnavailable(unlikely);
};

/** Without any, some versions write an empty list. */
const argumentsOf = (item: Item): Arguments => (isItem(item.arguments) ? item.arguments : {});
