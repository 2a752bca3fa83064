import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { Connections } from './Connections.ts';
import { type Certificate, type CertificateFiles, watchCertificate } from './certificate.ts';
import { createHttpApp } from './createHttpApp.ts';
import { defaultHttpLimits, type HttpDeps, type HttpLimits } from './deps.ts';
import { OutageLog } from './OutageLog.ts';
import { RateLimiter } from './RateLimiter.ts';

export interface HttpServer {
  /** Not listening yet: the caller chooses the address. */
  readonly server: Server | TlsServer;
  /**
   * Takes no more connections, ends the event streams, lets running requests finish and closes each connection after
   * its answer. What is still open after `deadlineMs` is cut. Calling it twice is fine.
   */
  close(deadlineMs: number): Promise<void>;
}

/** Served with TLS, from a certificate that was read and is read again when its files change. */
export interface Tls {
  readonly certificate: Certificate;
  readonly files: CertificateFiles;
}

/** Plain HTTP unless there is a certificate. */
export const createHttpServer = (
  deps: HttpDeps,
  changed: Partial<HttpLimits> = {},
  tls: Tls | null = null,
): HttpServer => {
  const limits = { ...defaultHttpLimits, ...changed };
  const closing = new AbortController();
  const options = serverOptions(limits);
  const server =
    tls === null ? createServer(options) : createCertified(tls, options, deps, limits, closing.signal);
  // The size of the headers is bounded; beyond a count node:http would drop the rest in silence.
  server.maxHeadersCount = 0;
  server.timeout = limits.socketTimeoutMs;
  server.maxConnections = limits.maxConnections;
  const callbackFailures = new RateLimiter(limits.callbackFailuresPerMinute, deps.clock.now);
  const outage = new OutageLog(deps.clock, deps.logger);
  const edge = { deps, limits, callbackFailures, outage, closing: closing.signal };
  const connections = new Connections(edge, createHttpApp(edge));
  server.on('request', connections.begin);
  // The body's reader asks the client to go on, once the checks before it are passed; others are refused there.
  server.on('checkContinue', connections.begin);
  server.on('checkExpectation', connections.begin);
  server.on('clientError', (error, socket) => connections.refuse(socket, error));
  server.on('connect', (_req, socket) => connections.refuse(socket));
  let closed: Promise<void> | undefined;
  const close = (deadlineMs: number): Promise<void> => {
    closing.abort();
    closed ??= closeWithin(server, deadlineMs);
    return closed;
  };
  return { server, close };
};

const serverOptions = (limits: HttpLimits): ServerOptions => ({
  maxHeaderSize: limits.maxHeaderBytes,
  headersTimeout: limits.headersTimeoutMs,
  requestTimeout: limits.requestTimeoutMs,
  keepAliveTimeout: limits.keepAliveTimeoutMs,
  connectionsCheckingInterval: Math.max(50, Math.min(1_000, limits.headersTimeoutMs / 4)),
  // Checked by the app, which answers in the format of all errors.
  requireHostHeader: false,
  insecureHTTPParser: false,
});

/** Connections keep the certificate that they began with; new ones get the newest. */
const createCertified = (
  { certificate, files }: Tls,
  options: ServerOptions,
  { clock, logger }: HttpDeps,
  limits: HttpLimits,
  closing: AbortSignal,
): TlsServer => {
  const handshakeTimeout = limits.headersTimeoutMs;
  const server = createTlsServer({ ...options, ...certificate, handshakeTimeout });
  const onChange = (changed: Certificate): void => server.setSecureContext(changed);
  const watch = { files, current: certificate, pollMs: limits.certificatePollMs, clock, logger, onChange };
  server.once('listening', () => void watchCertificate(watch, closing));
  return server;
};

const closeWithin = (server: Server | TlsServer, deadlineMs: number): Promise<void> =>
  new Promise((resolve) => {
    const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
    // Closes idle connections too. Fails only when it does not listen, and then it is closed already.
    server.close(() => {
      clearTimeout(deadline);
      resolve();
    });
  });
