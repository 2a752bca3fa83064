import { styleText } from 'node:util';
import type { MissingNames } from '../../../adapters/amqp/brokerTopology.ts';
import type { Topology } from '../../../ports/broker.ts';
import { countOf } from '../quantities.ts';
import { printable, renderTable } from '../renderTable.ts';
import type { Checked } from './checkTopology.ts';
import type { Difference } from './compareTopology.ts';

export interface Applied {
  readonly name: string;
  readonly created: boolean;
}

export const appliedTo = (declared: readonly { readonly name: string }[], missing: ReadonlySet<string>) =>
  declared.map(({ name }): Applied => ({ name, created: missing.has(name) }));

/** A broker's refusal names the user; whoever sees the output need not know. */
export const withoutUser = (message: string): string =>
  message.replaceAll(/for user '.*'/g, 'for the user of BROKER_URL');

/** What `topology apply` did, for people. */
export const describeApplied = (broker: string, topology: Topology, missing: MissingNames): string => {
  const row = (kind: string) => (applied: Applied) => [
    kind,
    applied.name,
    applied.created ? styleText('green', 'created') : 'was there',
  ];
  const table = renderTable({
    columns: [{ title: 'Kind' }, { title: 'Name' }, { title: '' }],
    rows: [
      ...appliedTo(topology.exchanges, missing.exchanges).map(row('exchange')),
      ...appliedTo(topology.queues, missing.queues).map(row('queue')),
    ],
  });
  const { exchanges, queues, bindings } = topology;
  const all = [
    countOf(exchanges.length, 'exchange'),
    countOf(queues.length, 'queue'),
    countOf(bindings.length, 'binding'),
  ];
  return `${table}\n${styleText('green', 'Declared')} ${all.join(', ')} on ${broker}.\n`;
};

/** What `topology check` found, for people. */
export const describeChecked = (checked: Checked): string => {
  const { differences, undeclaredBindings } = checked;
  return [
    differences.length === 0 ? '' : `${tableOf(differences)}\n`,
    undeclaredBindings.length === 0
      ? ''
      : `Bound by somebody else; no mistake, but messages come that way:\n${undeclaredBindings
          .map((name) => `  ${printable(name)}\n`)
          .join('')}\n`,
    `${conclusion(checked)}\n`,
    checked.because === null
      ? ''
      : `${styleText('yellow', 'Only names were looked at')}, over AMQP: types, arguments and bindings could not be ` +
        `compared, because the management API cannot be used (${printable(checked.because)}).\n`,
  ].join('');
};

const tableOf = (differences: readonly Difference[]): string =>
  renderTable({
    columns: [{ title: 'Kind' }, { title: 'Name' }, { title: 'Finding' }],
    rows: differences.map(({ kind, name, finding, details }) => [
      kind,
      name,
      finding === 'missing' ? 'missing' : `differs: ${details.map(describeDetail).join('; ')}`,
    ]),
  });

const describeDetail = ({ property, declared, found }: Difference['details'][number]): string =>
  `${property} is ${shown(found)}, declared ${shown(declared)}`;

const shown = (value: unknown): string => (value === null ? 'absent' : JSON.stringify(value));

const conclusion = ({ at, compared, differences }: Checked): string => {
  if (differences.length === 0) {
    return compared === 'everything'
      ? `${styleText('green', 'Everything is as declared')} (${at}).`
      : `${styleText('green', 'No exchange or queue is missing')} (${at}).`;
  }
  const missing = differences.filter(({ finding }) => finding === 'missing').length;
  const different = differences.length - missing;
  return [
    `${styleText('red', `${countOf(missing, 'part is', 'parts are')} missing, ${different} in another shape`)} (${at}).`,
    missing > 0 ? '"orderflow topology apply" declares what is missing.' : '',
    different > 0
      ? 'What has another shape cannot be changed: let it drain and delete it, or use another QUEUE_PREFIX.'
      : '',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
};
