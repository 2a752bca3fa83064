import { styleText } from 'node:util';
import { SingleBar } from 'cli-progress';
import { count, duration } from './quantities.ts';

export interface Progress {
  update(done: number): void;
  /** Leaves the last state standing. */
  stop(): void;
}

export interface ProgressOptions {
  readonly label: string;
  readonly total: number;
  /** What is counted, in the plural. */
  readonly unit: string;
}

const linesEveryMs = 2_000;
const rateOverMs = 5_000;
const sampleEveryMs = 50;

/**
 * Shows on stderr how far something is: a bar in a terminal, a line now and then elsewhere. Stdout stays free for
 * what the command has to say.
 */
export const startProgress = (options: ProgressOptions): Progress =>
  process.stderr.isTTY ? startBar(options) : startLines(options);

const startBar = ({ label, total, unit }: ProgressOptions): Progress => {
  const rate = rateMeter();
  const bar = new SingleBar({
    stream: process.stderr,
    fps: 10,
    hideCursor: true,
    gracefulExit: false,
    format: (_options, { progress, value, total, maxWidth }) => {
      const facts = `${count(value)}/${count(total)} ${unit}${pace(rate, value, total)}`;
      const width = Math.max(10, Math.min(40, maxWidth - label.length - facts.length - 6));
      const full = Math.round(progress * width);
      const drawn = styleText('cyan', '█'.repeat(full)) + styleText('dim', '░'.repeat(width - full));
      return `${label} ${drawn} ${facts}`;
    },
  });
  const redraw = () => bar.update(rate.last());
  const timer = setInterval(redraw, 500);
  bar.start(total, 0);
  return {
    update: (done) => {
      rate.add(done);
      bar.update(done);
    },
    stop: () => {
      clearInterval(timer);
      bar.stop();
    },
  };
};

const startLines = ({ label, total, unit }: ProgressOptions): Progress => {
  const rate = rateMeter();
  let printed = -1;
  const print = () => {
    const done = rate.last();
    if (done === printed) return;
    printed = done;
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    process.stderr.write(
      `${label}: ${count(done)}/${count(total)} ${unit} (${percent}%)${pace(rate, done, total)}\n`,
    );
  };
  const timer = setInterval(print, linesEveryMs);
  return {
    update: rate.add,
    stop: () => {
      clearInterval(timer);
      print();
    },
  };
};

/** ` · 1,234/s · 12 s left`; at the end, how long it took. */
const pace = (rate: RateMeter, done: number, total: number): string => {
  if (done >= total) return ` · ${count(rate.average())}/s · took ${duration(rate.elapsed())}`;
  const perSecond = rate.perSecond();
  if (perSecond === 0) return '';
  return ` · ${count(perSecond)}/s · ${duration((total - done) / perSecond)} left`;
};

type RateMeter = ReturnType<typeof rateMeter>;

/** How fast something grows, over the last seconds. */
const rateMeter = () => {
  const started = performance.now();
  let samples: { readonly at: number; readonly done: number }[] = [{ at: started, done: 0 }];
  const newest = () => samples.at(-1) ?? { at: started, done: 0 };
  return {
    add: (done: number): void => {
      const at = performance.now();
      if (samples.length > 1 && at - (samples.at(-2)?.at ?? 0) < sampleEveryMs) samples.pop();
      // One older sample stays: the rate is measured from there.
      const cut = samples.findLastIndex((sample) => sample.at < at - rateOverMs);
      if (cut > 0) samples = samples.slice(cut);
      samples.push({ at, done });
    },
    last: (): number => newest().done,
    perSecond: (): number => {
      const first = samples[0] ?? newest();
      const seconds = (performance.now() - first.at) / 1000;
      return seconds < 0.2 ? 0 : (newest().done - first.done) / seconds;
    },
    average: (): number => newest().done / Math.max(0.001, (newest().at - started) / 1000),
    elapsed: (): number => (newest().at - started) / 1000,
  };
};
