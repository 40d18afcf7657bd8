/** One run of a flow in a simulation: a failure, an optional disturbance, and the result. */
import type { Configuration } from '#config/configuration.ts';
import type { FlowName } from '#config/pipelines/pipelines.ts';
import { policyOf } from '#config/pipelines/task-policies.ts';
import type { Behaviour } from '#engine/cloud/simulated/world.ts';
import type { PlannedTask } from '#engine/flow/plan.ts';
import type { Task } from '#engine/flow/task.ts';
import { customTask } from '#engine/task-drivers/custom-task.ts';
import type { LoadDriver } from '#engine/task-drivers/driver.ts';
import { recoveryActionDriver } from '#engine/task-drivers/recovery-action/driver.ts';
import { TASK_STEP } from '#engine/task-drivers/task-step.ts';
import { builtInTask } from '#engine/tasks/registry.ts';
import type { RecoveryView, TaskView } from '#protocol/views.ts';
import { type CheckOrUndo, callAfterwards } from './afterwards.ts';
import { type Disturbance, Trouble } from './fault.ts';
import type { Life } from './life.ts';
import { type ProgramCall, ProgramCalls } from './program-calls.ts';
import type { Facts } from './result.ts';
import { configurationFor, fail, migratesOnly } from './scenario.ts';
import { type DrivenClock, Stage } from './stage.ts';
import { type Deeds, standIn } from './stand-in.ts';
import { longestMs, untilClosed, untilRoundEnds } from './waiting.ts';

export interface RunSettings {
  readonly flow: FlowName;
  readonly configuration: Configuration;
  readonly seed: number;
  /** Each run needs a new one. */
  readonly clock: DrivenClock;
  readonly behaviour?: Partial<Behaviour>;
  readonly disturbance?: Disturbance;
  /**
   * Drivers of custom tasks that are run for real; undefined: a stand-in plays the task. The run then ends with its first
   * flow, because a further round would execute the real programs again.
   */
  readonly realDriver?: (name: Parameters<LoadDriver>[0]) => ReturnType<LoadDriver> | undefined;
  /** Calls to those drivers after the end of the flow. */
  readonly calledAfterwards?: readonly CheckOrUndo[];
  readonly signal: AbortSignal;
}

export interface RunResult extends Facts {
  /** How often engines took the recovery over. */
  readonly resumes: number;
  /** From the notification to its end, of the simulated clock. */
  readonly seconds: number;
  /** Number of executions of each custom task by a stand-in. */
  readonly done: Readonly<Record<string, number>>;
  /** Tasks whose condition did not hold. */
  readonly skipped: readonly string[];
  /** Tasks that were undone. */
  readonly reverted: readonly string[];
  /** Calls of the drivers that ran for real. */
  readonly programs: readonly ProgramCall[];
}

/** Of the only round of a run with real drivers: the next one never comes. */
const NO_NEXT_ROUND_MS = 3_600_000;

export async function simulateRun(settings: RunSettings): Promise<RunResult> {
  const { flow, seed, clock, behaviour, signal } = settings;
  const scene = configurationFor(flow, settings.configuration);
  const configuration = settings.realDriver ? ofOneFlow(scene) : scene;
  const deeds: Deeds = new Map();
  const programs = new ProgramCalls();
  const trouble = new Trouble(settings.disturbance, (state) => {
    stage.world.behaviour = { ...stage.world.behaviour, isAway: state === 'away' };
  });
  /** What came before the simulated event is not disturbed. */
  let isStarted = false;
  await using stage: Stage = new Stage({
    clock,
    seed,
    ...(behaviour ? { behaviour } : {}),
    configuration,
    taskOf: (planned, life) =>
      isStarted
        ? troubled(planned, trouble, life, async (name) => {
            const real = await settings.realDriver?.(name);
            return real ? programs.received(real) : standIn(deeds, trouble, life);
          })
        : builtInTask(planned.name),
    logOf: () => () => {},
  });
  const failure = fail(flow, stage.world, configuration);
  await stage.start('node-1');
  if (failure.earlier) {
    const uuid = await stage.notify(failure.earlier.notification);
    const deadline = clock.now() + longestMs('host_auto', configuration);
    await clock.run(untilClosed(stage, uuid, { deadline, signal }));
    failure.earlier.over();
  }
  isStarted = true;
  const startedAt = clock.now();
  const uuid = await stage.notify(failure.notification);
  const outageRetry = { deadline: startedAt + longestMs(flow, configuration), signal };
  const view = settings.realDriver
    ? await clock.run(untilRoundEnds(stage, uuid, outageRetry))
    : await clock.run(untilClosed(stage, uuid, outageRetry));
  const seconds = Math.round((clock.now() - startedAt) / 1000);
  const requested = settings.calledAfterwards ?? [];
  const timeoutMsOf = (task: string): number => policyOf(configuration, task).timeoutMs;
  await clock.run(callAfterwards(programs, { calls: requested, clock, timeoutMsOf, signal }));
  const tasks = view.flows.flatMap((one) => one.tasks);
  const doubts = await clock.run(stepsInDoubtOf(stage, uuid));
  const { counts, migrations } = stage.world;
  const moves = [...Object.values(counts.accepted), ...Object.values(migrations)];
  return {
    // A recovery that waits for a round which this run leaves out has failed, as far as it goes.
    status: settings.realDriver && view.notification.status === 'error' ? 'failed' : view.notification.status,
    message: view.notification.message,
    flows: view.flows.map(({ state }) => state),
    recovered: failure.recovered(),
    total: failure.total,
    duplicateEvacuations: counts.duplicates + moves.reduce((sum, count) => sum + count - 1, 0),
    repeated: [...deeds.values()]
      .filter(({ afterCrash, times }) => afterCrash === 'once' && times > 1)
      .map(({ task }) => task),
    notDone: notDoneIn(view),
    doubts,
    resumes: view.flows.reduce((sum, { resumes }) => sum + resumes, 0),
    seconds,
    done: Object.fromEntries([...deeds.values()].map(({ task, times }) => [task, times])),
    skipped: namesOf(tasks.filter(({ skipped }) => skipped)),
    reverted: namesOf(tasks.filter(({ state, undo, skipped }) => state === 'REVERTED' && undo && !skipped)),
    programs: programs.calls,
  };
}

/** Real programs are not executed again: neither in another round, nor with another reserved host. */
function ofOneFlow(configuration: Configuration): Configuration {
  const { options, segments } = configuration;
  const general = { ...options.general, processUnfinishedNotificationsIntervalMs: NO_NEXT_ROUND_MS };
  return {
    ...configuration,
    options: { ...options, general },
    segments: segments.map((segment) => ({ ...segment, reservedHosts: segment.reservedHosts.slice(0, 1) })),
  };
}

/** The task of a plan, with a stand-in for its definition and with its fault. */
export function troubled(planned: PlannedTask, trouble: Trouble, life: Life, load: LoadDriver): Task | undefined {
  if (planned.custom && migratesOnly(planned.custom)) {
    // The simulated cloud shows what comes of it: no stand-in is needed. Simulated time would run on while it were loaded.
    const chain = customTask(planned, async () => recoveryActionDriver);
    return chain && trouble.around(atWork(chain, trouble), life);
  }
  const custom = customTask(planned, load);
  if (custom) return trouble.around(custom, life);
  const builtIn = builtInTask(planned.name);
  if (!builtIn) return undefined;
  return trouble.around(atWork({ ...builtIn, name: planned.name }, trouble), life);
}

function atWork(task: Task, trouble: Trouble): Task {
  return {
    ...task,
    run: async (context) => {
      await trouble.atWork(task.name, context);
      return task.run(context);
    },
  };
}

/** Tasks that failed and were done in no flow. */
function notDoneIn({ flows }: RecoveryView): string[] {
  const tasks = flows.flatMap((flow) => flow.tasks);
  const done = new Set(tasks.filter(({ state }) => state === 'SUCCESS').map(({ name }) => name));
  return namesOf(tasks.filter(({ state, name }) => state === 'FAILURE' && !done.has(name)));
}

/** Each once. */
function namesOf(tasks: readonly TaskView[]): string[] {
  return [...new Set(tasks.map(({ name }) => name))];
}

async function stepsInDoubtOf({ journal }: Stage, uuid: string): Promise<string[]> {
  const logbook = await journal.query('logbook', uuid);
  const steps = logbook ? await journal.query('doubts', logbook.id) : [];
  return [...new Set(steps.map(({ key }) => key.slice(`${TASK_STEP}:`.length)))];
}
