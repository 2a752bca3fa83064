interface Job {
  readonly id: string;
  readonly endedAt: number | null;
}

/** Deletes at most `limit` jobs that ended before `before`, the first ones first; returns how many. */
export const deleteEndedJobs = (jobs: Map<string, Job>, before: number, limit: number): number => {
  const ended = [...jobs.values()]
    .flatMap(({ id, endedAt }) => (endedAt !== null && endedAt < before ? [{ id, endedAt }] : []))
    .sort((one, other) => one.endedAt - other.endedAt)
    .slice(0, limit);
  for (const { id } of ended) jobs.delete(id);
  return ended.length;
};
