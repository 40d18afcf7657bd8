import { defineConfig } from 'vitest/config';

/** Suites: `unit` beside the code, `crash` (kill at every point), `labs` (real systems, one file after the other). */
export default defineConfig({
  test: {
    // Most of a test is waiting for processes, so both cores are given to them.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{agents,config,engine,monitors,ocf,packaging,protocol}/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      { test: { name: 'crash', include: ['test/crash/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 120_000 } },
      {
        test: {
          name: 'labs',
          include: ['test/labs/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
