/** An error in one line. A refused connection to a name with several addresses has its messages inside. */
export const describeError = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(describeError).join('; ');
  if (error instanceof Error) return error.message || error.name;
  return String(error);
};
