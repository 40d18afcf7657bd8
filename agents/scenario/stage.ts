/** The stage of one scenario: the production engine with a configuration, and a log of everything that happens on it. */
import type { Configuration } from '#config/configuration.ts';
import { formatProblem } from '#config/document/problem.ts';
import { SimulatedClock } from '#engine/clock/simulated.ts';
import { isAct } from '#engine/cloud/simulated/calls.ts';
import type { Driver, DriverCall } from '#engine/task-drivers/driver.ts';
import { Trouble } from '../simulate/fault.ts';
import { troubled } from '../simulate/run.ts';
import { Stage } from '../simulate/stage.ts';
import { type Deeds, standIn } from '../simulate/stand-in.ts';
import { fill } from './cloud-file.ts';
import type { EventsFile } from './events-file.ts';
import { type LogLine, ScenarioLog } from './log.ts';
import { Names } from './names.ts';
import type { ScenarioFiles } from './scenario.ts';

/** Lease renewals would fill the journal of a long scenario; only the time of a pause is counted by them. */
const RENEWAL_INTERVAL_MS = 600_000;
/** Three times the longest chain of commits (10): no simulated time passes while the engine works. Decisions about many hosts take longer. */
const IDLE_TURNS = 30;

export interface ScenarioStage {
  readonly stage: Stage<SimulatedClock>;
  readonly log: ScenarioLog;
  readonly names: Names;
  /** Uuids by name. */
  readonly instances: ReadonlyMap<string, string>;
  /** Uuids of instances that engines have requested a change of. */
  readonly touched: ReadonlySet<string>;
}

/** @param onLine receives each line of the log when it is written */
export function openStage(
  { cloud, events }: Pick<ScenarioFiles, 'cloud' | 'events'>,
  given: Configuration,
  onLine: (line: LogLine) => void,
): ScenarioStage {
  const configuration = hasTimedPause(events) ? given : withRareRenewals(given);
  const deeds: Deeds = new Map();
  const touched = new Set<string>();
  const trouble = new Trouble(events.disturbance, (state) => {
    log.add('event', `cloud: ${state === 'away' ? 'away' : 'back'}`);
    stage.world.behaviour = { ...stage.world.behaviour, isAway: state === 'away' };
  });
  const stage: Stage<SimulatedClock> = new Stage({
    clock: new SimulatedClock(undefined, Math.max(IDLE_TURNS, Object.keys(cloud.hosts).length)),
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
    onCall: (call, node) => {
      const { uuid } = call.args;
      const mayHaveEffect = call.outcome === 'answered' || call.outcome === 'unknown';
      if (typeof uuid === 'string' && isAct(call.method) && mayHaveEffect) touched.add(uuid);
      log.call(node, call);
    },
  });
  const { clock, world, directory } = stage;
  const names = new Names(world);
  const log = new ScenarioLog({ clock, names, directory, minimum: configuration.options.engine.logLevel, onLine });
  for (const warning of configuration.warnings) log.add('event', formatProblem(warning));
  return { stage, log, names, instances: fill(world, cloud), touched };
}

function hasTimedPause({ timed, triggered }: EventsFile): boolean {
  return [...timed, ...triggered].some(({ operator }) => operator?.for !== undefined);
}

function withRareRenewals(configuration: Configuration): Configuration {
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
