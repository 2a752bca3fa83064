import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { eventually } from './eventually.ts';

export interface StreamEvent {
  readonly id: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: event data of every type
  readonly data: any;
}

/** A client of server-sent events that shows everything: events, comments, the retry hint, and the end. */
export class EventStreamClient {
  readonly events: StreamEvent[] = [];
  readonly comments: string[] = [];
  retry: string | undefined;
  ended = false;
  private rest = '';
  private readonly sent: ClientRequest;
  readonly response: IncomingMessage;

  private constructor(sent: ClientRequest, response: IncomingMessage) {
    this.sent = sent;
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.read(text));
    response.on('close', () => {
      this.ended = true;
    });
    response.on('error', () => undefined);
  }

  static open(port: number, lastEventId?: string): Promise<EventStreamClient> {
    return new Promise((resolve, reject) => {
      const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
      const sent = request({ host: '127.0.0.1', port, path: '/v1/events', headers, agent: false });
      sent.on('error', reject);
      sent.on('response', (response) => resolve(new EventStreamClient(sent, response)));
      sent.end();
    });
  }

  /** Waits until so many events have come. */
  async receive(count: number): Promise<readonly StreamEvent[]> {
    await eventually(() => {
      if (this.events.length < count) throw new Error(`${this.events.length} of ${count} events have come`);
    });
    return this.events;
  }

  close(): void {
    this.sent.destroy();
  }

  private read(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    for (const block of blocks) this.readBlock(block);
  }

  private readBlock(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (name === '') this.comments.push(value);
      else fields.set(name, value);
    }
    this.retry ??= fields.get('retry');
    const [id, event, data] = [fields.get('id'), fields.get('event'), fields.get('data')];
    if (data !== undefined) this.events.push({ id: id ?? '', event: event ?? '', data: JSON.parse(data) });
  }
}
