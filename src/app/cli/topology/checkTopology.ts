import { findMissing } from '../../../adapters/amqp/brokerTopology.ts';
import {
  ManagementUnavailable,
  managementAccess,
  type ObservedTopology,
  readManagedTopology,
} from '../../../adapters/amqp/readManagedTopology.ts';
import type { TlsFiles } from '../../../adapters/amqp/tlsFiles.ts';
import type { Topology } from '../../../ports/broker.ts';
import type { Clock } from '../../../ports/clock.ts';
import { type Comparison, compareNames, compareTopology } from './compareTopology.ts';

export interface Checked extends Comparison {
  /** The address that answered, without credentials. */
  readonly at: string;
  readonly compared: 'everything' | 'names only';
  /** Why no more than names could be compared. */
  readonly because: string | null;
}

export interface CheckOptions {
  readonly urls: readonly string[];
  readonly tls: TlsFiles;
  readonly topology: Topology;
  readonly managementUrl?: URL;
  readonly clock: Clock;
}

/** Through the management API where one answers; otherwise with what AMQP can tell. Changes nothing. */
export const checkTopology = async (options: CheckOptions): Promise<Checked> => {
  const { urls, tls, topology, clock } = options;
  const managed = await readAnyManaged(options);
  if ('observed' in managed) {
    const { at, observed } = managed;
    return { at, compared: 'everything', because: null, ...compareTopology(topology, observed) };
  }
  const { broker, missing } = await findMissing({ urls: urls.join(','), tls, clock }, topology);
  return {
    at: broker,
    compared: 'names only',
    because: managed.failures.join('; '),
    differences: compareNames(topology, missing),
    undeclaredBindings: [],
  };
};

const readAnyManaged = async ({
  urls,
  managementUrl,
}: CheckOptions): Promise<
  { readonly at: string; readonly observed: ObservedTopology } | { readonly failures: readonly string[] }
> => {
  const failures: string[] = [];
  // All nodes of a cluster tell the same, and a given address is one.
  for (const url of managementUrl === undefined ? urls : urls.slice(0, 1)) {
    const access = managementAccess(url, managementUrl);
    try {
      return { at: access.url, observed: await readManagedTopology(access) };
    } catch (error) {
      if (!(error instanceof ManagementUnavailable)) throw error;
      failures.push(`${access.url}: ${error.message}`);
    }
  }
  return { failures };
};
