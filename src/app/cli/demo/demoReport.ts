import { styleText } from 'node:util';
import { count, countOf, duration, milliseconds } from '../quantities.ts';
import { printable, renderTable } from '../renderTable.ts';

/** What was sent, how it was answered, and what of it was seen in the event stream. */
export interface DemoReport {
  readonly placed: number;
  readonly cancelled: number;
  /** Requests sent again with their key, and how many of them got the first answer, byte for byte. */
  readonly copies: number;
  readonly replayed: number;
  /** Refusals by their problem code, each of which had been asked for. */
  readonly refused: ReadonlyMap<string, number>;
  /** What should not have happened, a sentence each. */
  readonly surprises: readonly string[];
  /** Sent again because the server was away or asked for it. */
  readonly repeated: number;
  readonly reconnects: number;
  readonly seen: ReadonlyMap<string, number>;
  readonly outOfOrder: number;
  /** Orders of which some accepted change was not seen. */
  readonly unseen: number;
  readonly seconds: number;
  readonly latencies: readonly number[];
  /** How many orders ended as what, the most first; empty when nobody paid. */
  readonly ends: ReadonlyMap<string, number>;
}

/** Whether everything the service promises held in this run. */
export const wentWell = (report: DemoReport): boolean =>
  report.surprises.length === 0 &&
  report.unseen === 0 &&
  report.outOfOrder === 0 &&
  report.replayed === report.copies;

export const describeDemo = (report: DemoReport): string =>
  [
    renderTable({
      columns: [{ title: 'Sent' }, { title: 'Count', align: 'right' }, { title: 'Answered' }],
      rows: sent(report),
    }),
    '\n',
    renderTable({
      columns: [{ title: 'Seen in GET /v1/events' }, { title: 'Count', align: 'right' }],
      rows: [...report.seen].map(([type, times]) => [type, count(times)]),
    }),
    '\n',
    ...ends(report),
    ...findings(report).map((line) => `${line}\n`),
  ].join('');

export const demoJson = (report: DemoReport): object => {
  const { latencies, seen, refused, ends, ...rest } = report;
  return {
    wentWell: wentWell(report),
    ...rest,
    refused: Object.fromEntries(refused),
    seen: Object.fromEntries(seen),
    ends: Object.fromEntries(ends),
    latencyMs: latencyOf(latencies),
  };
};

const ends = ({ ends: ended }: DemoReport): string[] =>
  ended.size === 0
    ? []
    : [
        renderTable({
          columns: [{ title: 'Where the orders ended' }, { title: 'Count', align: 'right' }],
          rows: [...ended].map(([end, times]) => [end, count(times)]),
        }),
        '\n',
      ];

const sent = (report: DemoReport): string[][] => {
  const refused = [...report.refused].map(([code, times]) => [
    refusals[code] ?? 'what must not be',
    count(times),
    `refused: ${code}`,
  ]);
  return [
    ['orders', count(report.placed), 'accepted'],
    ['cancellations', count(report.cancelled), 'accepted'],
    ['copies with the same key', count(report.copies), `replayed: ${count(report.replayed)}, byte for byte`],
    ...refused,
    ...(report.repeated > 0
      ? [['sent again by themselves', count(report.repeated), 'server away or busy']]
      : []),
    ...(report.surprises.length > 0 ? [['surprises', count(report.surprises.length), 'see below']] : []),
  ];
};

const refusals: Readonly<Record<string, string>> = {
  idempotency_key_reused: 'a key for another order',
  order_state_conflict: 'cancelling what is over',
};

const findings = (report: DemoReport): string[] => {
  const { p50, p99, max } = latencyOf(report.latencies);
  const rate = report.placed / Math.max(0.001, report.seconds);
  const { surprises } = report;
  const shown = surprises.slice(0, 5).map((surprise) => `  ${printable(surprise)}`);
  return [
    `${countOf(report.placed, 'order')} in ${duration(report.seconds)} (${count(rate)}/s); answers took ` +
      `${milliseconds(p50)} at the median (p50), ${milliseconds(p99)} at p99, ${milliseconds(max)} at most`,
    finding(
      report.unseen === 0,
      'every accepted change was seen in the event stream',
      `${countOf(report.unseen, 'order')} with accepted changes that were not seen in the event stream`,
    ),
    finding(
      report.outOfOrder === 0,
      "each order's events were seen in order, every one once",
      `${countOf(report.outOfOrder, 'event')} seen out of order or twice`,
    ),
    finding(
      report.replayed === report.copies,
      'every copy of a request got the first answer',
      `${countOf(report.copies - report.replayed, 'copy', 'copies')} did not get the first answer`,
    ),
    ...(report.reconnects > 0
      ? [`  the event stream broke ${countOf(report.reconnects, 'time')} and was taken up again`]
      : []),
    ...(surprises.length > 0
      ? [finding(false, '', `${countOf(surprises.length, 'surprise')}:`), ...shown]
      : []),
  ];
};

const finding = (good: boolean, said: string, instead: string): string =>
  good ? `${styleText('green', '✔')} ${said}` : `${styleText('red', '✘')} ${instead}`;

/** Milliseconds. */
const latencyOf = (latencies: readonly number[]) => {
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (share: number) => {
    const index = Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1);
    return Math.round((sorted[Math.max(0, index)] ?? 0) * 10) / 10;
  };
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
};
