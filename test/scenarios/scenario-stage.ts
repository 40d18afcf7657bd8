/** The stage of one scenario: the production engine with the files of the folder, and a log of everything that happens on it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Disturbance, Trouble } from '#agents/simulate/fault.ts';
import { troubled } from '#agents/simulate/run.ts';
import { Stage } from '#agents/simulate/stage.ts';
import { type Deeds, standIn } from '#agents/simulate/stand-in.ts';
import type { Configuration } from '#config/configuration.ts';
import { formatProblem } from '#config/document/problem.ts';
import { loadConfiguration } from '#config/load.ts';
import { readCustomTask } from '#config/pipelines/custom-tasks.ts';
import { SimulatedClock } from '#engine/clock/simulated.ts';
import type { Driver, DriverCall } from '#engine/task-drivers/driver.ts';
import { type CloudFile, fill } from './cloud-file.ts';
import { Names } from './names.ts';
import { ScenarioLog } from './scenario-log.ts';

const CONFIGURATION = 'recovery-agent.conf';
const METHODS = 'custom-recovery-methods.conf';
/** Lease renewals would fill the journal of a long scenario; nothing else depends on their interval here. */
const RENEWAL_INTERVAL_MS = 600_000;
/** Three times the longest chain of commits (10): no simulated time passes while the engine works. */
const IDLE_TURNS = 30;

export interface ScenarioStage {
  readonly stage: Stage<SimulatedClock>;
  readonly log: ScenarioLog;
  readonly names: Names;
  /** Uuids by name. */
  readonly instances: ReadonlyMap<string, string>;
}

/** Throws `ConfigurationError`. */
export function openStage(folder: string, cloud: CloudFile, disturbance: Disturbance | undefined): ScenarioStage {
  const configuration = readConfiguration(folder);
  const deeds: Deeds = new Map();
  const trouble = new Trouble(disturbance, (state) => {
    log.add('event', `cloud: ${state === 'away' ? 'away' : 'back'}`);
    stage.world.behaviour = { ...stage.world.behaviour, isAway: state === 'away' };
  });
  const stage: Stage<SimulatedClock> = new Stage({
    clock: new SimulatedClock(undefined, IDLE_TURNS),
    seed: cloud.seed,
    behaviour: cloud.behaviour,
    configuration,
    taskOf: (planned, life) => troubled(planned, trouble, life, async () => logged(standIn(deeds, trouble, life), log)),
    logOf: (node) => {
      const { life } = stage;
      return (level, message, fields) => {
        if (!life.isDead) log.engine(node, level, message, fields);
      };
    },
    onCall: (call, node) => log.call(node, call),
  });
  const { clock, world, directory } = stage;
  const names = new Names(world);
  const log = new ScenarioLog({ clock, names, directory, minimum: configuration.options.engine.logLevel });
  for (const warning of configuration.warnings) log.add('event', formatProblem(warning));
  return { stage, log, names, instances: fill(world, cloud) };
}

function readConfiguration(folder: string): Configuration {
  const configuration = loadConfiguration({
    mainFile: CONFIGURATION,
    ...(existsSync(join(folder, METHODS)) ? { recoveryMethodsFile: METHODS } : {}),
    definitions: { files: [], read: readCustomTask },
    // Nothing but these two files is read, and their mode in a clone is of no interest.
    readFile: (name) =>
      name === CONFIGURATION || name === METHODS ? { bytes: readFileSync(join(folder, name)), mode: 0o600 } : undefined,
  });
  const { options } = configuration;
  const engine = { ...options.engine, renewalIntervalMs: RENEWAL_INTERVAL_MS };
  return { ...configuration, options: { ...options, engine } };
}

/** The driver of a stand-in, each call of it in the log. */
function logged(driver: Driver, log: ScenarioLog): Driver {
  const note = (what: string, { name, attempt, options, parameters }: DriverCall): void => {
    const { command } = options;
    const words = Array.isArray(command) ? [command.join(' ')] : [];
    const given = Object.keys(parameters).length > 0 ? [JSON.stringify(parameters)] : [];
    log.add('program', [`${what} ${name}, attempt ${attempt}`, ...words, ...given].join(': '));
  };
  return {
    steps: driver.steps,
    run: (call) => {
      note('run', call);
      return driver.run(call);
    },
    check: async (call) => {
      const state = (await driver.check?.(call)) ?? { state: 'unknown', reason: 'no check' };
      note(`check (${state.state})`, call);
      return state;
    },
    undo: async (call) => {
      note('undo', call);
      await driver.undo?.(call);
    },
  };
}
