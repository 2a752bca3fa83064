import { unescape as decodeLeniently } from 'node:querystring';
import { BrokerFailure } from '../../ports/broker.ts';

export interface BrokerAddress {
  /** Host, port and virtual host: what may be shown. */
  readonly label: string;
  /** Without credentials. */
  readonly url: string;
  readonly user: string;
  /** Never to be shown. */
  readonly password: string;
}

/**
 * The addresses of a comma-separated list of AMQP URLs. Throws `BrokerFailure` for what is none; its message names
 * the place in the list only, as the text may hold a password.
 */
export const brokerAddresses = (urls: string): readonly BrokerAddress[] =>
  urls.split(',').map((text, index) => {
    const url = URL.parse(text.trim());
    if (url === null || !['amqp:', 'amqps:'].includes(url.protocol) || url.hostname === '') {
      throw new BrokerFailure(
        `broker URL number ${index + 1} is not an AMQP URL; it must look like amqp://user:password@host:5672/vhost`,
      );
    }
    const port = url.port || (url.protocol === 'amqp:' ? '5672' : '5671');
    const vhost = url.pathname.length > 1 ? url.pathname : '';
    const given = url.username !== '' || url.password !== '';
    const user = given ? decodeLeniently(url.username) : 'guest';
    const password = given ? decodeLeniently(url.password) : 'guest';
    url.username = '';
    url.password = '';
    return { label: `${url.protocol}//${url.hostname}:${port}${vhost}`, url: url.href, user, password };
  });

/** Another order each time, so that the instances of a service spread over the nodes of a cluster. */
export const shuffled = <T>(items: readonly T[], random: () => number): readonly T[] =>
  items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
