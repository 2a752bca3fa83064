import { defineConfig } from 'vitest/config';

/** Proofs that take minutes: `npm run test:long`, or one of them with `npm run test:long -- poison`. */
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    disableConsoleIntercept: true,
    globalSetup: ['test/support/globalSetup.ts'],
  },
});
