import { styleText } from 'node:util';

const stalledMs = 10_000;

/**
 * Says on stderr, once, that a job has not moved for ten seconds: services do jobs, and perhaps none runs. To be called
 * with how far it is, now and then.
 */
export const stallNotice = (
  now: () => number = () => performance.now(),
  say: (text: string) => void = (text) => process.stderr.write(text),
): ((done: number) => void) => {
  let last = Number.NaN;
  let since = 0;
  let told = false;
  return (done) => {
    if (done !== last) {
      last = done;
      since = now();
    }
    if (told || now() - since < stalledMs) return;
    told = true;
    const what = styleText('yellow', 'Nothing has moved for ten seconds', { stream: process.stderr });
    say(`\n${what}. A service that runs does the work: is there one on this database?\n`);
  };
};
