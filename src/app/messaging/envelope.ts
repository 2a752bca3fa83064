import { type PublicMessage, publicType } from '../../domain/shared/aggregate.ts';

/** Where a message comes from and what caused it. */
export interface EnvelopeContext {
  readonly id: string;
  /** The stream, `orders/018f…`. */
  readonly stream: string;
  readonly sequence: number;
  /** ISO 8601. */
  readonly time: string;
  readonly correlationId: string;
  readonly causationId: string;
  readonly traceparent: string | null;
}

/** The CloudEvents source of a stream's public messages. */
export const sourceOf = (stream: string): string => `/orderflow/${stream}`;

/** The CloudEvents source of a task: its own, so that it waits for nothing. */
export const taskSource = (id: string): string => `/orderflow/tasks/${id}`;

/** Sequence numbers are padded so that they also sort as text. */
const sequenceText = (sequence: number): string => String(sequence).padStart(10, '0');

/** A task as a CloudEvents 1.0 structured-mode JSON text: no sequence, so that it waits for nothing. */
export const encodeTask = (task: {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  readonly data: object;
  readonly correlationId: string;
  readonly causationId: string;
  readonly traceparent: string | null;
}): string =>
  JSON.stringify({
    specversion: '1.0',
    id: task.id,
    type: task.type,
    source: task.source,
    time: task.time,
    datacontenttype: 'application/json',
    correlationid: task.correlationId,
    causationid: task.causationId,
    ...(task.traceparent === null ? {} : { traceparent: task.traceparent }),
    data: task.data,
  });

/** A public message as a CloudEvents 1.0 structured-mode JSON text. */
export const encodeEnvelope = (message: PublicMessage, context: EnvelopeContext): string => {
  const aggregateId = context.stream.slice(context.stream.indexOf('/') + 1);
  return JSON.stringify({
    specversion: '1.0',
    id: context.id,
    type: publicType(message.name),
    source: sourceOf(context.stream),
    subject: aggregateId,
    time: context.time,
    datacontenttype: 'application/json',
    partitionkey: aggregateId,
    sequence: sequenceText(context.sequence),
    correlationid: context.correlationId,
    causationid: context.causationId,
    ...(context.traceparent === null ? {} : { traceparent: context.traceparent }),
    data: message.data,
  });
};
