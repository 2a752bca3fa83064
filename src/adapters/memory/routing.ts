import type { ExchangeDeclaration, HeaderValue } from '../../ports/broker.ts';
import { topicMatches } from '../../ports/topicMatches.ts';

/** A binding as routing sees it. */
export interface Binding {
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly routingKey: string;
  readonly arguments: Readonly<Record<string, string>>;
}

export interface Exchange {
  readonly type: ExchangeDeclaration['type'];
  readonly bindings: readonly Binding[];
}

type Headers = Readonly<Record<string, HeaderValue>>;

/**
 * The queues that a message reaches, each once, through exchange-to-exchange bindings too; an exchange is visited
 * once, so cycles end. The rules are those of RabbitMQ, checked against a real one by a differential test.
 */
export const route = (
  exchanges: ReadonlyMap<string, Exchange>,
  exchange: string,
  routingKey: string,
  headers: Headers,
): readonly string[] => {
  const queues = new Set<string>();
  const visited = new Set([exchange]);
  // Iterating a Set also visits what is added on the way.
  for (const name of visited) {
    const found = exchanges.get(name);
    if (found === undefined) continue;
    for (const binding of found.bindings) {
      if (!matches(found.type, binding, routingKey, headers)) continue;
      (binding.destinationType === 'queue' ? queues : visited).add(binding.destination);
    }
  }
  return [...queues];
};

const matches = (type: Exchange['type'], binding: Binding, routingKey: string, headers: Headers): boolean => {
  switch (type) {
    case 'fanout':
      return true;
    case 'direct':
      return binding.routingKey === routingKey;
    case 'topic':
      return topicMatches(binding.routingKey, routingKey);
    case 'headers':
      return headersMatch(binding.arguments, headers);
  }
};

/**
 * `x-match` is `all` (the default) or `any`, of the arguments that do not start with `x-`; `all-with-x` and
 * `any-with-x` count those too. With nothing to compare, `all` matches and `any` does not.
 */
export const headersMatch = (args: Readonly<Record<string, string>>, headers: Headers): boolean => {
  const mode = args['x-match'] ?? 'all';
  const withX = mode.endsWith('-with-x');
  const wanted = Object.entries(args).filter(
    ([name]) => name !== 'x-match' && (withX || !name.startsWith('x-')),
  );
  const fits = ([name, value]: readonly [string, string]): boolean =>
    Object.hasOwn(headers, name) && headers[name] === value;
  return mode.startsWith('any') ? wanted.some(fits) : wanted.every(fits);
};
