import type { LoadResult, LoadSpec } from './loadSpec.ts';
import { programs, runProgram } from './program.ts';

/** Puts load on a server and demands that every single answer has this status. */
export const putLoad = async (spec: LoadSpec, status: number): Promise<LoadResult> => {
  const result = await runProgram<LoadResult>(programs.generateLoad, spec);
  const others = Object.keys(result.statuses).filter((found) => found !== String(status));
  if (others.length > 0)
    throw new Error(`wanted only ${status} from ${spec.url}, got ${JSON.stringify(result.statuses)}`);
  return result;
};
