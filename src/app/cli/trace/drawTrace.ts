import { styleText } from 'node:util';
import type { MessageFate, TraceNode } from '../../tracing/causalTree.ts';

/** The trees as text: what happened under what caused it, and when, counted from the first of all. */
export const drawTrace = (roots: readonly TraceNode[]): string => {
  const start = Math.min(...roots.map(({ at }) => at));
  return roots.map((root) => `${drawRoot(root, start)}\n`).join('\n');
};

const drawRoot = (root: TraceNode, start: number): string => {
  const trace = root.traceparent === null ? '' : `  trace ${root.traceparent.split('-')[1]}`;
  const title = `${styleText('bold', `request ${root.id}`)}${styleText('dim', trace)}`;
  return [`${title}  ${new Date(root.at).toISOString()}`, ...drawChildren(root, '', start)].join('\n');
};

const drawChildren = ({ children }: TraceNode, indent: string, start: number): readonly string[] =>
  children.flatMap((child, index) => {
    const last = index === children.length - 1;
    return [
      `${indent}${last ? '└─' : '├─'} ${drawNode(child, start)}`,
      ...drawChildren(child, `${indent}${last ? '   ' : '│  '}`, start),
    ];
  });

const drawNode = (node: TraceNode, start: number): string => {
  const name = node.type.replace(/^orderflow\.|\.v\d+$/g, '');
  const where = node.stream === null ? '' : styleText('dim', ` ${node.stream} v${node.version}`);
  const fate = node.message === null ? '' : `  ${describeFate(node.message, node.at)}`;
  return `${styleText('cyan', name)}${where}  ${after(node.at - start)}${fate}`;
};

const describeFate = (message: MessageFate, at: number): string => {
  const { publishedAt, dueAt, setAsideReason, handledBy, keptBy } = message;
  const published =
    setAsideReason !== null
      ? styleText('red', `set aside: ${setAsideReason}`)
      : publishedAt !== null
        ? `published ${after(publishedAt - at)}`
        : dueAt > Date.now()
          ? `due ${new Date(dueAt).toISOString()}`
          : styleText('yellow', 'not published yet');
  const handled = handledBy.length === 0 ? [] : [`handled by ${handledBy.join(', ')}`];
  const kept = keptBy.map(({ consumer, state, error }) =>
    styleText('yellow', `${state} at ${consumer}${error === null ? '' : ` (${error})`}`),
  );
  return [published, ...handled, ...kept].join('; ');
};

/** A span as `+12 ms` or `+3.4 s`. */
const after = (ms: number): string => (Math.abs(ms) < 1_000 ? `+${ms} ms` : `+${(ms / 1_000).toFixed(1)} s`);
