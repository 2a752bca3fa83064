import { defineConfig } from 'vitest/config';

/** What fails is made to fail for real, one file at a time: `npm run test:faults`, about five minutes. */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    fileParallelism: false,
    globalSetup: ['test/support/globalSetup.ts'],
  },
});
