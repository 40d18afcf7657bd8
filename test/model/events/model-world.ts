/** The real engine on the simulated cloud and clock, with seams where a search interrupts it and a control plants a fault. */
import type { Life } from '#agents/simulate/life.ts';
import { Stage } from '#agents/simulate/stage.ts';
import type { Configuration } from '#config/configuration.ts';
import { loadConfiguration } from '#config/load.ts';
import { readCustomTask } from '#config/pipelines/custom-tasks.ts';
import { SimulatedClock } from '#engine/clock/simulated.ts';
import type { Accepted } from '#engine/cloud/call.ts';
import type { World } from '#engine/cloud/simulated/world.ts';
import type { Journal } from '#engine/journal/journal.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import { around, CALLS, COMMITS } from '#test/world/awaits.ts';
import type { Event } from './history.ts';

export type ModelCloud = Stage<SimulatedClock>['cloud'];

/** A fault that a control plants into a running engine. */
export interface Plant {
  readonly name: string;
  /** The violation that shows it. */
  readonly found: RegExp;
  /** The control searches histories in which this happens. */
  readonly among: Event;
  /** Called for each engine, with its number from 1. */
  readonly journal?: (journal: Journal, generation: number) => void;
  readonly cloud?: (cloud: ModelCloud, generation: number, world: World) => void;
}

export interface Watch {
  /** Called before and after each of the engine's calls and commits; where it waits, the engine waits. */
  readonly onAwait: (life: Life) => Promise<void>;
  readonly onRequest: (method: string, uuid: string) => void;
  /** Carries an evacuation out, or not. */
  readonly onEvacuation: (uuid: string, carryOut: () => Promise<Accepted>) => Promise<Accepted>;
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
    definitions: { files: [], read: readCustomTask },
    readFile: (path) => (path === 'model.conf' ? { bytes: Buffer.from(OPTIONS), mode: 0o600 } : undefined),
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
      configuration: configuration(),
      taskOf: ({ name }) => BUILT_IN_TASKS.get(name),
      logOf: () => (level, message, fields) => logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    });
    this.logged = logged;
    this.#plant = plant;
  }

  async begin(node: string, watch: Watch): Promise<void> {
    await this.start(node);
    const { life, cloud, journal } = this;
    this.#generation += 1;
    this.#plant?.journal?.(journal, this.#generation);
    this.#plant?.cloud?.(cloud, this.#generation, this.world);
    const evacuate = cloud.evacuate.bind(cloud);
    cloud.evacuate = (uuid, ...rest) => watch.onEvacuation(uuid, () => evacuate(uuid, ...rest));
    for (const name of REQUESTS) {
      const request = cloud[name].bind(cloud) as (uuid: string, ...rest: unknown[]) => Promise<Accepted>;
      const watched = (uuid: string, ...rest: unknown[]): Promise<Accepted> => {
        watch.onRequest(name, uuid);
        return request(uuid, ...rest);
      };
      Object.assign(cloud, { [name]: watched });
    }
    around(cloud, CALLS, () => watch.onAwait(life));
    around(journal, COMMITS, () => watch.onAwait(life));
  }
}

/** Calls that change an instance. */
const REQUESTS = ['evacuate', 'stop', 'start', 'resetState'] as const;
