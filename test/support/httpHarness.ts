import type { AddressInfo } from 'node:net';
import { callbackProviders } from '../../src/adapters/http/callbacks/schemes.ts';
import { type CertificateFiles, readCertificate } from '../../src/adapters/http/certificate.ts';
import { createHttpServer, type HttpServer } from '../../src/adapters/http/createHttpServer.ts';
import type { HttpLimits } from '../../src/adapters/http/deps.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { callbackService } from '../../src/app/callbacks/callbackService.ts';
import { ParkedCallbacks } from '../../src/app/callbacks/ParkedCallbacks.ts';
import { snapshotSchemas } from '../../src/app/commands/snapshots.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import { stockModel } from '../../src/app/inventory/inventoryModels.ts';
import { stockService } from '../../src/app/inventory/stockService.ts';
import { loyaltyService } from '../../src/app/loyalty/loyaltyService.ts';
import { CommitSignal } from '../../src/app/messaging/CommitSignal.ts';
import { deadLetterService } from '../../src/app/messaging/desk/deadLetterService.ts';
import { operationsService } from '../../src/app/messaging/operate/operationsService.ts';
import { PublishedWaiters } from '../../src/app/messaging/publishedWaiters.ts';
import { replayService } from '../../src/app/messaging/replay/replayService.ts';
import { notificationService } from '../../src/app/notifications/notificationService.ts';
import { orderService } from '../../src/app/orders/orderService.ts';
import type { OrderCommand } from '../../src/domain/orders/orderCommands.ts';
import type { OrderService } from '../../src/ports/orderService.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { type HttpAnswer, HttpClient, type HttpRequest } from './httpClient.ts';
import { recordingLogger } from './recordingLogger.ts';

export interface HarnessOptions {
  readonly limits?: Partial<HttpLimits>;
  /** Awaited before every step of the stores, named by its label; a rejection is a failure of the database. */
  readonly pause?: (label: string) => Promise<void>;
  /** In-memory stores unless others are given; closed with the harness. */
  readonly stores?: Stores;
  /** Stands between the edge and the application, to hold things up at will. */
  readonly between?: (orders: OrderService) => OrderService;
  /** Who may send callbacks, and how they sign. */
  readonly providers?: Parameters<typeof callbackProviders>[0];
  /** Serves TLS; `client`, `send` and `post` then do not reach it. */
  readonly tls?: CertificateFiles;
  /** How many writes may wait. */
  readonly capacity?: number;
}

/** The whole service behind a listening server, over the in-memory stores; only the relay is played by the test. */
export interface HttpHarness {
  readonly client: HttpClient;
  readonly http: HttpServer;
  readonly port: number;
  readonly orders: OrderService;
  readonly stores: Stores;
  readonly logger: ReturnType<typeof recordingLogger>;
  readonly health: { databaseAnswers: boolean; draining: boolean };
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** A POST with a JSON body and a fresh Idempotency-Key, unless the headers say otherwise. */
  post(path: string, body?: unknown, headers?: HttpRequest['headers']): Promise<HttpAnswer>;
  /** Places a plain order, and returns its document. */
  // biome-ignore lint/suspicious/noExplicitAny: the order document, looked into by every test in its own way
  place(changes?: object): Promise<any>;
  /** Something that has happened to an order, as the application would learn it from a message. */
  record(orderId: string, fact: FactInput): Promise<void>;
  /** Stock reserved and payment captured: the order is confirmed. */
  confirm(order: { readonly id: string; readonly total: number }): Promise<void>;
  /** Marks everything in the outbox as published, as the relay does after the broker's confirm. */
  publishAll(): Promise<void>;
  close(): Promise<void>;
}

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type FactInput = Without<OrderCommand, 'at' | 'refundId'> & { readonly refundId?: string };

export const orderBody = (changes: object = {}): object => ({
  customerId: 'c-42',
  currency: 'EUR',
  lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299 }],
  ...changes,
});

let keys = 0;
export const freshKey = (): string => {
  keys += 1;
  return `key-${process.pid}-${keys}`;
};

export const startHttp = async (options: HarnessOptions = {}): Promise<HttpHarness> => {
  const stores =
    options.stores ?? openMemoryStores(options.pause === undefined ? {} : { pause: options.pause });
  const commits = new CommitSignal();
  const logger = recordingLogger();
  const system = { clock: systemClock, ids: uuidV7Ids, logger };
  const waiters = new PublishedWaiters({ outbox: stores.outbox, ...system, pollMs: 10 });
  const pipeline = new WritePipeline({
    unitOfWork: stores.unitOfWork,
    snapshotSchemas: snapshotSchemas([stockModel]),
    ...system,
    capacity: options.capacity ?? 1_000,
    maxBatch: 200,
    onCommitted: () => commits.notify(),
  });
  const orders = orderService({ pipeline, events: stores.events, views: stores.orderViews, waiters });
  const callbacks = callbackService({ pipeline, callbacks: stores.callbacks, ...system });
  const parked = new ParkedCallbacks({ callbacks: stores.callbacks, pipeline, ...system });
  commits.onCommit(() => parked.wake());
  parked.start();
  const { tls } = options;
  const health = { databaseAnswers: true, draining: false };
  const http = createHttpServer(
    {
      orders: options.between?.(orders) ?? orders,
      stock: stockService({ pipeline, stores, waiters }),
      commits,
      deadLetters: deadLetterService({
        unitOfWork: stores.unitOfWork,
        desk: stores.deadLetters,
        ...system,
        onCommitted: () => commits.notify(),
        onJob: () => {},
      }),
      operations: operationsService({
        stores,
        ...system,
        relayState: () => 'idle',
        announce: () => {},
      }),
      replays: replayService({ stores, ...system, onJob: () => {} }),
      callbacks,
      callbackProviders: callbackProviders(options.providers ?? new Map()),
      inbox: stores.inbox,
      loyalty: loyaltyService(stores),
      notifications: notificationService(stores),
      ...system,
      health: { ping: async () => health.databaseAnswers, draining: () => health.draining },
    },
    { lingerMs: 100, ...options.limits },
    tls === undefined ? null : { certificate: await readCertificate(tls, logger), files: tls },
  );
  await new Promise<void>((resolve) => http.server.listen(0, '127.0.0.1', resolve));
  const { port } = http.server.address() as AddressInfo;
  const client = new HttpClient(port);

  const post: HttpHarness['post'] = (path, body, headers = {}) =>
    client.send({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', 'idempotency-key': freshKey(), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const place: HttpHarness['place'] = async (changes) => {
    const answer = await post('/v1/orders', orderBody(changes));
    if (answer.status !== 201) throw new Error(`the order was refused: ${answer.text}`);
    return answer.json;
  };
  const record: HttpHarness['record'] = async (orderId, fact) => {
    const command = { at: new Date().toISOString(), refundId: uuidV7Ids.next(), ...fact } as OrderCommand;
    const cause = { tenant: 'default', correlationId: 'test', causationId: 'test', traceparent: null };
    await orders.submit({ cause, orderId, command });
  };
  const confirm: HttpHarness['confirm'] = async ({ id, total }) => {
    await record(id, { type: 'RecordStockReserved' });
    await record(id, { type: 'RecordPaymentCaptured', paymentId: `p-${id}`, amount: total, currency: 'EUR' });
  };
  const publishAll = async (): Promise<void> => {
    const { held } = await stores.leases.renew('test', Date.now(), 60_000);
    const partitions = held.map(({ partition }) => partition);
    const due = await stores.outbox.readDue({ partitions, now: Date.now(), limit: 10_000 });
    await stores.outbox.markPublished(
      due.map(({ row }) => row),
      Date.now(),
      'test',
      held,
    );
  };
  const close = async (): Promise<void> => {
    client.close();
    await http.close(500);
    await parked.stop();
    await pipeline.stop();
    await stores.close();
  };
  return {
    client,
    http,
    port,
    orders,
    stores,
    logger,
    health,
    send: (request) => client.send(request),
    post,
    place,
    record,
    confirm,
    publishAll,
    close,
  };
};
