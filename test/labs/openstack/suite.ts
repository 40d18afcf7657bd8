import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { LabEngines } from './engines.ts';
import { installPackages } from './install.ts';
import { type LabOptions, OpenStackLab } from './lab.ts';

/** The lab of one test file, and the engines of its tests. */
export interface LabSuite {
  /** Only inside of a test or a hook. */
  readonly lab: OpenStackLab;
  /** Those of one test; they end with the `await using` that holds them. */
  newEngines(cloudsYaml?: string): LabEngines;
}

/** Starts a lab before the tests of the file, resets it after each, and keeps journals and logs where a test failed. */
export function useLab(options: LabOptions): LabSuite {
  let lab: OpenStackLab | undefined;
  let hasFailed = false;
  const opened: LabEngines[] = [];
  const started = (): OpenStackLab => {
    if (lab === undefined) throw new Error('The lab is not started yet.');
    return lab;
  };

  beforeAll(async () => {
    await installPackages();
    lab = await OpenStackLab.start(options);
  });

  afterEach(async ({ task }) => {
    hasFailed ||= task.result?.state === 'fail';
    await lab?.reset();
  });

  afterAll(async () => {
    await lab?.stop();
    if (hasFailed) return;
    for (const engines of opened) engines.deleteFiles();
    if (lab) rmSync(lab.directory, { recursive: true, force: true });
  });

  return {
    get lab() {
      return started();
    },
    newEngines(cloudsYaml = started().cloudsYaml()) {
      const engines = new LabEngines(cloudsYaml);
      opened.push(engines);
      return engines;
    },
  };
}
