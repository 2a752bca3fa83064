import { crc32 } from 'node:zlib';
import { partitionCount } from '../ports/outbox.ts';

/**
 * The partition of a message, 0 to `partitionCount` - 1. All messages of one tenant and source share a partition,
 * so one relay at a time publishes them. Stored with each row: the function must never change.
 */
export const partitionOf = (tenant: string, source: string): number =>
  crc32(`${tenant}\n${source}`) % partitionCount;
