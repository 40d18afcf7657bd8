import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/**
 * Suites: `unit` beside the code, `crash` (kill at every point, random histories), `model` (searches through histories and states), and the labs (real
 * systems) in two lanes, each with one file after the other. What builds the executable is in one lane.
 */
const LANE = { testTimeout: 300_000, hookTimeout: 900_000, fileParallelism: false };

/** Suites read nothing of the machine: neither its configuration nor its user's. */
const NOWHERE = fileURLToPath(new URL('node_modules/.nowhere', import.meta.url));
const HERMETIC = { env: { RECOVERY_AGENT_ROOT: NOWHERE, HOME: NOWHERE } };

export default defineConfig({
  test: {
    // Most of a test is waiting for processes, so both cores are given to them.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{agents,config,engine,monitors,ocf,openstack,packaging,protocol}/**/*.test.ts',
            'test/*.test.ts',
            'test/language/*.test.ts',
            'test/scenarios/*.test.ts',
          ],
          testTimeout: 30_000,
          ...HERMETIC,
        },
      },
      {
        test: {
          name: 'crash',
          include: ['test/crash/**/*.test.ts', 'test/random/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          ...HERMETIC,
        },
      },
      { test: { name: 'model', include: ['test/model/**/*.test.ts'], testTimeout: 3_600_000, ...HERMETIC } },
      {
        test: {
          name: 'labs-cloud',
          include: ['test/labs/{openstack,openstacksdk,oslo,mistral,mail,libvirt,bmc}/**/*.test.ts'],
          ...LANE,
        },
      },
      { test: { name: 'labs-cluster', include: ['test/labs/{pacemaker,packages}/**/*.test.ts'], ...LANE } },
    ],
  },
});
