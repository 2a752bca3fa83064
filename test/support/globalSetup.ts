import { connect } from 'amqplib';
import type { TestProject } from 'vitest/node';
import { rabbitmqUrl, type ServiceName, type ServiceStatus } from './services.ts';

const probes: Record<ServiceName, { readonly variable: string; readonly probe: () => Promise<void> }> = {
  rabbitmq: {
    variable: 'TEST_RABBITMQ_URL',
    probe: async () => {
      const connection = await connect(rabbitmqUrl(), { noDelay: true, timeout: 3000 });
      connection.on('error', () => undefined);
      await connection.close();
    },
  },
};

/** Probes each service once. With REQUIRE_SERVICES=1 a missing one fails the run; else its suites are skipped. */
export default async (project: TestProject): Promise<void> => {
  const names = Object.keys(probes) as ServiceName[];
  const statuses = await Promise.all(names.map((name) => status(name)));
  const services = Object.fromEntries(names.map((name, index) => [name, statuses[index]]));
  project.provide('services', services as Record<ServiceName, ServiceStatus>);
};

const status = async (name: ServiceName): Promise<ServiceStatus> => {
  const { probe, variable } = probes[name];
  try {
    await probe();
    return { reachable: true, reason: '' };
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message || failure.name : String(failure);
    const advice = `${name} is not reachable (${reason}). Start it, or point ${variable} at one that runs`;
    if (process.env.REQUIRE_SERVICES === '1') throw new Error(`${advice}; REQUIRE_SERVICES=1 demands it.`);
    console.warn(`${advice}. Every suite that needs it is skipped.`);
    return { reachable: false, reason };
  }
};
