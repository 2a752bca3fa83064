/**
 * Every error code of the API, with its status and title. Codes are stable: clients branch on them. The format is
 * RFC 9457, `application/problem+json`.
 */
export const problems = {
  bad_request: { status: 400, title: 'The request cannot be understood' },
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  idempotency_key_missing: { status: 400, title: 'The Idempotency-Key header is missing' },
  idempotency_key_invalid: { status: 400, title: 'The Idempotency-Key header is malformed' },
  last_event_id_invalid: { status: 400, title: 'The Last-Event-ID header is malformed' },
  invalid_signature: { status: 401, title: 'The callback is not genuine' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'The path does not take this method' },
  request_timeout: { status: 408, title: 'The request did not arrive in time' },
  order_state_conflict: { status: 409, title: 'The state of the order forbids this' },
  version_mismatch: { status: 412, title: 'It is not at the version that If-Match names' },
  body_too_large: { status: 413, title: 'The body is too large' },
  expectation_failed: { status: 417, title: 'The expectation cannot be met' },
  unsupported_media_type: { status: 415, title: 'The body is not JSON in UTF-8' },
  invalid_request: { status: 422, title: 'The request breaks the rules of the API' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key belongs to another request' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal_error: { status: 500, title: 'The service has failed' },
  unavailable: { status: 503, title: 'The service cannot take this request now' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type ProblemCode = keyof typeof problems;

/** One broken rule. `pointer` is a JSON Pointer fragment into the body, or `#/query/<name>`. */
export interface Violation {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

/** Ends a request with an error answer. `detail` is for the client: it must not hold anything internal. */
export class HttpProblem extends Error {
  readonly code: ProblemCode;
  readonly violations: readonly Violation[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Close the connection after the answer: what follows on it cannot be trusted, or is not wanted. */
  readonly closes: boolean;

  constructor(
    code: ProblemCode,
    detail: string,
    more: {
      readonly violations?: readonly Violation[];
      readonly headers?: Readonly<Record<string, string>>;
      readonly closes?: boolean;
    } = {},
  ) {
    super(detail);
    this.name = 'HttpProblem';
    this.code = code;
    this.violations = more.violations;
    this.headers = more.headers ?? {};
    this.closes = more.closes ?? false;
  }
}

export const problemType = 'application/problem+json';

/** The problem document as JSON text. `instance` is the path that was asked for. */
export const problemText = (
  code: ProblemCode,
  detail: string,
  instance: string,
  traceId: string,
  violations?: readonly Violation[],
): string => {
  const { status, title } = problems[code];
  const type = `urn:orderflow:problem:${code}`;
  const errors = violations === undefined ? {} : { errors: violations };
  return JSON.stringify({ type, title, status, detail, instance, code, traceId, ...errors });
};

export const invalidRequest = (violations: readonly Violation[]): HttpProblem =>
  new HttpProblem('invalid_request', violations[0]?.detail ?? 'The request breaks the rules of the API.', {
    violations,
  });

export const unavailable = (detail: string): HttpProblem =>
  new HttpProblem('unavailable', detail, { headers: { 'Retry-After': '1' } });

export const noSuchOrder = (): HttpProblem => new HttpProblem('not_found', 'There is no such order.');
