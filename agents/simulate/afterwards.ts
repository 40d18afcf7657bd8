/**
 * Calls to programs that ran for real in a simulation: `check`, as after an engine failure, and `undo`, as in the rollback of a
 * flow.
 *
 * Invariant: each is called at most once, within the timeout of its task; a task that the flow has undone is not undone again.
 */
import { TaskFailure } from '#engine/flow/outcome.ts';
import type { DriverCall } from '#engine/task-drivers/driver.ts';
import type { ProgramCalls } from './program-calls.ts';
import type { DrivenClock } from './stage.ts';

export type CheckOrUndo = 'check' | 'undo';

export interface AfterwardsSettings {
  readonly calls: readonly CheckOrUndo[];
  readonly clock: DrivenClock;
  readonly timeoutMsOf: (task: string) => number;
  readonly signal: AbortSignal;
}

/** Records the end of each call. */
export async function callAfterwards(programs: ProgramCalls, settings: AfterwardsSettings): Promise<void> {
  const undone = new Set(programs.calls.filter(({ call }) => call === 'undo').map(({ task }) => task));
  const ran = [...programs.ran.values()].filter(({ call }) => !undone.has(call.name));
  if (settings.calls.includes('check')) {
    for (const { driver, call } of ran) {
      if (call.definition.afterCrash !== 'check') continue;
      await within(settings, { ...call, outputs: {} }, (bounded) => driver.check?.(bounded));
    }
  }
  if (settings.calls.includes('undo')) {
    for (const { driver, call } of ran.toReversed()) {
      const { undo, provides } = call.definition;
      if (!undo) continue;
      const outputs = Object.fromEntries(provides.map((name) => [name, call.outputs[name] ?? null]));
      await within(settings, { ...call, attempt: 1, outputs }, (bounded) => driver.undo?.(bounded));
    }
  }
}

async function within(
  { clock, signal, timeoutMsOf }: AfterwardsSettings,
  call: DriverCall,
  query: (bounded: DriverCall) => Promise<unknown> | undefined,
): Promise<void> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const over = new AbortController();
  const timeoutMs = timeoutMsOf(call.task);
  const timer = clock.sleep(timeoutMs, over.signal).then(
    () => limit.abort(new TaskFailure(`timed out after ${timeoutMs / 1000} s`)),
    () => {},
  );
  try {
    const bounded = AbortSignal.any([signal, limit.signal]);
    // The flow is over: nothing of it goes into the journal any more.
    const context = { ...call.context, signal: bounded, log: () => {}, progress: () => {} };
    await query({ ...call, isResumed: true, context });
  } catch {
    // The result is recorded with the calls.
  } finally {
    over.abort();
    await timer;
  }
  signal.throwIfAborted();
}
