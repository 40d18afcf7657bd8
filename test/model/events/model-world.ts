/** The real engine on the simulated cloud and clock, with seams where a search interrupts it and a control plants a fault. */
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Life } from '#agents/simulation/life.ts';
import { Stage } from '#agents/simulation/stage.ts';
import { readCustomTask } from '#config/custom-tasks.ts';
import { type Configuration, loadConfiguration } from '#config/load.ts';
import { SimulatedClock } from '#engine/clock/simulated.ts';
import type { Journal } from '#engine/journal/journal.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';

export type ModelCloud = Stage<SimulatedClock>['cloud'];

/** A fault that a control plants into a running engine. */
export interface Plant {
  readonly name: string;
  /** The violation that shows it. */
  readonly found: RegExp;
  /** Called for each engine, with its number from 1. */
  readonly journal?: (journal: Journal, generation: number) => void;
  readonly cloud?: (cloud: ModelCloud, generation: number) => void;
}

const OPTIONS = `
[engine]
beat_interval = 300
lease_timeout = 900
[instance_failure]
process_all_instances = true
`;

let parsed: Configuration | undefined;

function configuration(): Configuration {
  parsed ??= loadConfiguration({
    mainFile: 'model.conf',
    definitions: { files: [], owners: [0], read: readCustomTask },
    readFile: (path) => (path === 'model.conf' ? { bytes: Buffer.from(OPTIONS), mode: 0o600, owner: 0 } : undefined),
  });
  return parsed;
}

export class ModelWorld extends Stage<SimulatedClock> {
  readonly logged: string[];
  readonly #plant: Plant | undefined;
  #generation = 0;

  constructor(plant?: Plant) {
    const logged: string[] = [];
    super({
      clock: new SimulatedClock(),
      seed: 1,
      place: memory(),
      configuration: configuration(),
      taskOf: ({ name }) => BUILT_IN_TASKS.get(name),
      log: (level, message, fields) => logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    });
    this.logged = logged;
    this.#plant = plant;
  }

  /** @param onAwait told before and after each of the engine's calls and commits; where it waits, the engine waits */
  async begin(node: string, onAwait: (life: Life) => Promise<void>): Promise<void> {
    await this.start(node);
    const { life, cloud, journal } = this;
    this.#generation += 1;
    this.#plant?.journal?.(journal, this.#generation);
    this.#plant?.cloud?.(cloud, this.#generation);
    around(cloud, CALLS, () => onAwait(life));
    around(journal, COMMITS, () => onAwait(life));
  }
}

const CALLS = [
  'computeService',
  'changeService',
  'listInstances',
  'instance',
  'listEvacuations',
  'listMigrations',
  'instanceActions',
  'evacuate',
  'stop',
  'start',
  'resetState',
] as const;
const COMMITS = ['write', 'openFlow', 'resumeFlow', 'planSteps'] as const;

/** Puts `pause` before and after methods of an object. */
function around<K extends string, T extends { [key in K]: (...args: never[]) => Promise<unknown> }>(
  object: T,
  names: readonly K[],
  pause: () => Promise<void>,
): void {
  for (const name of names) {
    const original = (object[name] as unknown as (...args: unknown[]) => Promise<unknown>).bind(object);
    const paused = async (...args: unknown[]): Promise<unknown> => {
      await pause();
      try {
        return await original(...args);
      } finally {
        await pause();
      }
    };
    Object.assign(object, { [name]: paused });
  }
}

/** Memory saves the journal's syncs, which are most of the time; what is thrown away need not survive a power cut. */
function memory(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
