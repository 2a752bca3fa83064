import type { SqlDialect } from './dialect.ts';
import type { SqlWriter } from './SqlWriter.ts';

/** Deletes at most `limit` jobs of a table that ended before `before`, the first ones first; returns how many. */
export const deleteEndedJobs = (
  writer: SqlWriter,
  dialect: SqlDialect,
  table: string,
  before: number,
  limit: number,
): Promise<number> =>
  writer.write((session) =>
    dialect.change(
      session,
      `delete from ${table} where id in (select id from ${table} where ended_at < ? order by ended_at limit ?)`,
      [before, limit],
    ),
  );
