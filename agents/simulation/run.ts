/** One run of a flow in a simulation: a failure, perhaps a disturbance, and what came of it. */
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Configuration } from '#config/load.ts';
import { type FlowName, PHASES } from '#config/pipelines.ts';
import { policyOf } from '#config/task-policies.ts';
import type { Behaviour } from '#engine/cloud/simulated/world.ts';
import type { PlannedTask } from '#engine/flow/plan.ts';
import type { Task } from '#engine/flow/task.ts';
import { customTask, TASK_STEP } from '#engine/tasks/custom/custom-task.ts';
import type { LoadDriver } from '#engine/tasks/custom/driver.ts';
import { loadDriver } from '#engine/tasks/custom/drivers.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { AWAY_MS, type Disturbance, Trouble } from './fault.ts';
import type { Life } from './life.ts';
import { configurationFor, fail, migratesOnly } from './scenario.ts';
import { type DrivenClock, Stage } from './stage.ts';
import { type Deeds, standIn } from './stand-in.ts';
import type { Facts } from './verdict.ts';

export interface RunSettings {
  readonly flow: FlowName;
  readonly configuration: Configuration;
  readonly seed: number;
  /** Each run needs a new one. */
  readonly clock: DrivenClock;
  readonly behaviour?: Partial<Behaviour>;
  readonly disturbance?: Disturbance;
  /** Drivers of custom tasks that are run for real; undefined: a stand-in plays the task. */
  readonly realDriver?: (name: Parameters<LoadDriver>[0]) => ReturnType<LoadDriver> | undefined;
  readonly signal: AbortSignal;
}

export interface RunResult extends Facts {
  /** How often engines took the recovery over. */
  readonly resumes: number;
  /** From the notification to its end, of the simulated clock. */
  readonly seconds: number;
  /** How often each custom task was done by a stand-in. */
  readonly done: Readonly<Record<string, number>>;
}

const MEMORY = '/dev/shm';
/** The cluster's time to see that an engine is dead and to start the next. */
const TAKE_OVER_MS = 5000;
const SHORTEST_LOOK_MS = 250;
const LONGEST_LOOK_MS = 60_000;
/** Rounds of a recovery: the notification's, and one retry of the engine; and as many again for good measure. */
const ROUNDS = 4;

export async function simulateRun(settings: RunSettings): Promise<RunResult> {
  const { flow, seed, clock, behaviour, signal } = settings;
  const configuration = configurationFor(flow, settings.configuration);
  const deeds: Deeds = new Map();
  const trouble = new Trouble(settings.disturbance, (state) => {
    stage.world.behaviour = { ...stage.world.behaviour, isAway: state === 'away' };
  });
  /** What came before the simulated event is not disturbed. */
  let isBegun = false;
  await using stage: Stage = new Stage({
    clock,
    seed,
    place: temporaryPlace(),
    ...(behaviour ? { behaviour } : {}),
    configuration,
    taskOf: (planned, life) =>
      isBegun ? troubled(planned, trouble, life, deeds, settings.realDriver) : BUILT_IN_TASKS.get(planned.name),
    log: () => {},
  });
  const failure = fail(flow, stage.world, configuration);
  await stage.start('node-1');
  if (failure.earlier) {
    const uuid = await stage.notify(failure.earlier.notification);
    await clock.run(untilClosed(stage, uuid, clock.now() + longestMs('host_auto', configuration), signal));
    failure.earlier.over();
  }
  isBegun = true;
  const begunAt = clock.now();
  const uuid = await stage.notify(failure.notification);
  const view = await clock.run(untilClosed(stage, uuid, begunAt + longestMs(flow, configuration), signal));
  const doubts = await clock.run(doubtsOf(stage, uuid));
  const { counts, migrations } = stage.world;
  const asked = [...Object.values(counts.accepted), ...Object.values(migrations)];
  return {
    status: view.notification.status,
    message: view.notification.message,
    flows: view.flows.map(({ state }) => state),
    recovered: failure.recovered(),
    total: failure.total,
    duplicateEvacuations: counts.duplicates + asked.reduce((sum, count) => sum + count - 1, 0),
    repeated: [...deeds.values()]
      .filter(({ afterCrash, times }) => afterCrash === 'once' && times > 1)
      .map(({ task }) => task),
    undone: undoneIn(view),
    doubts,
    resumes: view.flows.reduce((sum, { resumes }) => sum + resumes, 0),
    seconds: Math.round((clock.now() - begunAt) / 1000),
    done: Object.fromEntries([...deeds.values()].map(({ task, times }) => [task, times])),
  };
}

/** What is thrown away need not survive a power cut: memory saves the journal's syncs, which are most of the time. */
function temporaryPlace(): string {
  if (process.env.TMPDIR) return process.env.TMPDIR;
  try {
    accessSync(MEMORY, constants.W_OK);
    return MEMORY;
  } catch {
    return tmpdir();
  }
}

/** The task of a plan, its definition played by a stand-in, with what befalls it. */
function troubled(
  planned: PlannedTask,
  trouble: Trouble,
  life: Life,
  deeds: Deeds,
  realDriver: RunSettings['realDriver'],
): Task | undefined {
  if (planned.custom && migratesOnly(planned.custom)) {
    // The simulated cloud shows what comes of it: no stand-in is needed.
    const chain = customTask(planned, loadDriver);
    return chain && trouble.around(atWork(chain, trouble), life);
  }
  const custom = customTask(planned, async (name) => realDriver?.(name) ?? standIn(deeds, trouble, life));
  if (custom) return trouble.around(custom, life);
  const builtIn = BUILT_IN_TASKS.get(planned.name);
  if (!builtIn) return undefined;
  return trouble.around(atWork(builtIn, trouble), life);
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

/** Starts the next engine when one has died; gives up when nothing ends any more. */
async function untilClosed(stage: Stage, uuid: string, deadline: number, signal: AbortSignal): Promise<RecoveryView> {
  let engines = 1;
  for (let pause = SHORTEST_LOOK_MS; ; pause = Math.min(LONGEST_LOOK_MS, pause * 2)) {
    signal.throwIfAborted();
    if (stage.life.isDead) {
      await stage.clock.sleep(TAKE_OVER_MS, signal);
      engines += 1;
      await stage.start(`node-${engines}`);
    }
    const view = await stage.engine.show(uuid);
    if (view.notification.closed_at !== null || stage.clock.now() > deadline) return view;
    const over = new AbortController();
    const slept = stage.clock.sleep(pause, AbortSignal.any([signal, over.signal])).catch(() => {});
    await Promise.race([stage.life.death, slept]);
    over.abort();
  }
}

/** What the slowest end can take: every attempt to its limit in every round, and the expiry of what is tried on. */
function longestMs(flow: FlowName, configuration: Configuration): number {
  const { notificationsExpiredIntervalMs, processUnfinishedNotificationsIntervalMs } = configuration.options.general;
  const pipeline = configuration.pipelines[flow];
  const tasks = PHASES.flatMap((phase) => pipeline[phase]).reduce((sum, name) => {
    const { timeoutMs, retries, retryDelayMs } = policyOf(configuration, name);
    return sum + (retries + 1) * (timeoutMs + retryDelayMs);
  }, 0);
  return ROUNDS * (tasks + AWAY_MS + processUnfinishedNotificationsIntervalMs) + 2 * notificationsExpiredIntervalMs;
}

/** Tasks that failed and were done in no flow. */
function undoneIn({ flows }: RecoveryView): string[] {
  const tasks = flows.flatMap((flow) => flow.tasks);
  const done = new Set(tasks.filter(({ state }) => state === 'SUCCESS').map(({ name }) => name));
  return [
    ...new Set(tasks.filter(({ state, name }) => state === 'FAILURE' && !done.has(name)).map(({ name }) => name)),
  ];
}

async function doubtsOf({ journal }: Stage, uuid: string): Promise<string[]> {
  const logbook = await journal.query('logbook', uuid);
  const steps = logbook ? await journal.query('doubts', logbook.id) : [];
  return [...new Set(steps.map(({ key }) => key.slice(`${TASK_STEP}:`.length)))];
}
