import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/faults/**', 'test/long/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Many files wait for processes and servers more than they compute: two at a time also where there are two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    globalSetup: ['test/support/globalSetup.ts'],
  },
});
