/**
 * The production engines of one history on a simulated cloud and clock, in this process, with the seams at which a history interrupts them,
 * a witness observes them, and a control plants a fault.
 */
import type { Life } from '#agents/simulate/life.ts';
import { Stage } from '#agents/simulate/stage.ts';
import type { Configuration } from '#config/configuration.ts';
import { loadConfiguration } from '#config/load.ts';
import { readCustomTask } from '#config/pipelines/custom-tasks.ts';
import { SimulatedClock } from '#engine/clock/simulated.ts';
import type { Call } from '#engine/cloud/simulated/calls.ts';
import type { World } from '#engine/cloud/simulated/world.ts';
import type { Task } from '#engine/flow/task.ts';
import type { Journal } from '#engine/journal/journal.ts';
import type { Engine } from '#engine/service/engine.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import { around, CALLS, COMMITS } from '#test/world/awaits.ts';
import { configurationOf, type RandomHistory } from './history.ts';

export type RandomCloud = Stage<SimulatedClock>['cloud'];

/** A fault that a control plants by replacing a part of the engine at its interface. */
export interface Plant {
  readonly name: string;
  /** The violation that shows it. */
  readonly found: RegExp;
  /** The first seed that the control tries. */
  readonly seed: number;
  readonly configuration?: (configuration: Configuration) => Configuration;
  readonly journal?: (journal: Journal) => void;
  readonly cloud?: (cloud: RandomCloud, world: World) => void;
  readonly task?: (task: Task) => Task;
}

export interface Watch {
  /** Called before and after each of the engine's calls and commits; where it waits, the engine waits. */
  readonly onAwait: (run: EngineRun, kind: 'call' | 'commit') => Promise<void>;
  /** Called for each call that reached the cloud, after its effect. */
  readonly onCall: (call: Call, node: string) => void;
  readonly onLog: (line: string) => void;
}

/** One engine from its start to its end. */
export interface EngineRun {
  readonly number: number;
  /** Each engine has a node of its own. */
  readonly node: string;
  readonly engine: Engine;
  readonly life: Life;
  readonly journal: Journal;
  readonly cloud: RandomCloud;
  /** While it is there, the engine is frozen as by SIGSTOP. */
  frozen: PromiseWithResolvers<void> | undefined;
}

/** `beat` renews the lease, which a frozen engine does not do. */
const WRITES = [...COMMITS, 'beat', 'prune'] as const;

function load(history: RandomHistory): Configuration {
  const text = configurationOf(history);
  return loadConfiguration({
    mainFile: 'random.conf',
    definitions: { files: [], read: readCustomTask },
    readFile: (path) => (path === 'random.conf' ? { bytes: Buffer.from(text), mode: 0o600 } : undefined),
  });
}

export class RandomStage extends Stage<SimulatedClock> {
  readonly #plant: Plant;
  readonly #watch: Watch;
  #engines = 0;

  constructor(history: RandomHistory, watch: Watch, plant: Plant) {
    const configuration = load(history);
    const { secondWitness } = history.choices;
    super({
      clock: new SimulatedClock(),
      seed: history.seed,
      configuration: plant.configuration?.(configuration) ?? configuration,
      taskOf: ({ name }) => {
        const task = BUILT_IN_TASKS.get(name);
        return task && (plant.task?.(task) ?? task);
      },
      logOf: (node) => (level, message, fields) =>
        watch.onLog(`${node} ${level} ${message} ${JSON.stringify(fields ?? {})}`),
      onCall: (call, node) => watch.onCall(call, node),
      ...(secondWitness === 'none'
        ? {}
        : { checkFencing: async () => (secondWitness === 'confirms' ? undefined : 'the witness is silent') }),
    });
    this.#plant = plant;
    this.#watch = watch;
    for (const host of history.hosts) this.world.addHost(host);
    for (const host of history.reserved) {
      this.world.addHost(host, 1000, { status: 'disabled', disabledReason: 'reserved' });
    }
    for (const { uuid, host, project, isMarked, vmState } of history.instances) {
      const metadata: Record<string, string> = isMarked ? { HA_Enabled: 'True' } : {};
      this.world.addInstance(host, { uuid, projectId: project, metadata, vmState });
    }
  }

  /** Starts an engine that takes the lease. Another one that still lives loses it. */
  async begin(): Promise<EngineRun> {
    this.#engines += 1;
    const node = `node-${this.#engines}`;
    const engine = await this.start(node);
    const { life, cloud, journal } = this;
    const run: EngineRun = { number: this.#engines, node, engine, life, journal, cloud, frozen: undefined };
    this.#plant.journal?.(journal);
    this.#plant.cloud?.(cloud, this.world);
    around(cloud, CALLS, () => this.#watch.onAwait(run, 'call'));
    around(journal, WRITES, () => this.#watch.onAwait(run, 'commit'));
    return run;
  }
}
