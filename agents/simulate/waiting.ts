/** The wait for the end of a run of a simulation; when an engine has died, the next one is started. */
import type { Configuration } from '#config/configuration.ts';
import { type FlowName, PHASES } from '#config/pipelines/pipelines.ts';
import { policyOf } from '#config/pipelines/task-policies.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { AWAY_MS } from './fault.ts';
import type { Stage } from './stage.ts';

/** The cluster's time to see that an engine is dead and to start the next. */
const TAKE_OVER_MS = 5000;
const SHORTEST_POLL_MS = 250;
const LONGEST_POLL_MS = 60_000;
/** Rounds of a recovery: the notification's, and one retry of the engine; and as many again for good measure. */
const ROUNDS = 4;

interface OutageRetry {
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/** Where real programs run time is real, and no engine dies. */
export async function untilRoundEnds(
  stage: Stage,
  uuid: string,
  { deadline, signal }: OutageRetry,
): Promise<RecoveryView> {
  for (;;) {
    const view = await stage.engine.reads.show(uuid);
    const { closed_at, status } = view.notification;
    if (closed_at !== null || status === 'error' || stage.clock.now() > deadline) return view;
    await stage.clock.sleep(SHORTEST_POLL_MS, signal);
  }
}

/** Starts the next engine when one has died; stops waiting when nothing ends any more. */
export async function untilClosed(
  stage: Stage,
  uuid: string,
  { deadline, signal }: OutageRetry,
): Promise<RecoveryView> {
  let engines = 1;
  for (let pause = SHORTEST_POLL_MS; ; pause = Math.min(LONGEST_POLL_MS, pause * 2)) {
    signal.throwIfAborted();
    if (stage.life.isDead) {
      await stage.clock.sleep(TAKE_OVER_MS, signal);
      engines += 1;
      await stage.start(`node-${engines}`);
    }
    const view = await stage.engine.reads.show(uuid);
    if (view.notification.closed_at !== null || stage.clock.now() > deadline) return view;
    const over = new AbortController();
    const slept = stage.clock.sleep(pause, AbortSignal.any([signal, over.signal])).catch(() => {});
    await Promise.race([stage.life.death, slept]);
    over.abort();
  }
}

/** Time of the slowest end: every attempt to its timeout in every round, and the expiry of the notification. */
export function longestMs(flow: FlowName, configuration: Configuration): number {
  const { notificationsExpiredIntervalMs, processUnfinishedNotificationsIntervalMs } = configuration.options.general;
  const pipeline = configuration.pipelines[flow];
  const tasks = PHASES.flatMap((phase) => pipeline[phase]).reduce((sum, name) => {
    const { timeoutMs, retries, retryDelayMs } = policyOf(configuration, name);
    return sum + (retries + 1) * (timeoutMs + retryDelayMs);
  }, 0);
  return ROUNDS * (tasks + AWAY_MS + processUnfinishedNotificationsIntervalMs) + 2 * notificationsExpiredIntervalMs;
}
