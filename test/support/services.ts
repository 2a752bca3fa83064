import { describe, inject } from 'vitest';

/** Servers that some suites need. `globalSetup.ts` finds out once per run which of them can be reached. */
export type ServiceName = 'rabbitmq';

export interface ServiceStatus {
  readonly reachable: boolean;
  /** Why not; empty when it is reachable. Holds no credentials. */
  readonly reason: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    services: Readonly<Record<ServiceName, ServiceStatus>>;
  }
}

export const rabbitmqUrl = (): string => process.env.TEST_RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672';

/** A suite that needs a server. Where that cannot be reached it is skipped, and its title says why. */
export const describeWithService = (service: ServiceName, title: string, suite: () => void): void => {
  const status = inject('services')[service];
  if (status.reachable) describe(title, suite);
  else describe.skip(`${title} (skipped: ${service} is not reachable: ${status.reason})`, suite);
};

let names = 0;
/** A prefix that no other test or run uses, for queues, exchanges and databases on a shared server. */
export const uniquePrefix = (): string => {
  names += 1;
  return `test-${process.pid.toString(36)}-${Date.now().toString(36)}-${names}.`;
};
