/**
 * One effect that can be seen in the world and may be asked for again: look, ask where it does not show, look until it does.
 * The intent is on the disk before the call. After a death the look comes first, so nothing needs to be guessed.
 */
import { type Accepted, CloudError, isOutage } from '../cloud/cloud.ts';
import { crashPoint } from '../crash-points.ts';
import type { TaskFailure } from '../flow/outcome.ts';
import type { Json } from '../flow/plan.ts';
import type { TaskContext } from '../flow/task.ts';
import { failureOf, Patience } from './patience.ts';

/** What is refused for now is asked for again after so many `verify_interval`: each time is an intent in the journal. */
const NOT_YET_INTERVALS = 10;

export interface Effect<World> {
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  look(): Promise<World>;
  /** What to keep of the world before the first call. */
  before(world: World): Json;
  /**
   * `done`: it shows. `underway`: somebody does it now, wait. `absent`: it has to be asked for.
   * Throws what ends the task.
   */
  judge(world: World): 'done' | 'underway' | 'absent';
  act(world: World): Promise<Accepted>;
  /** Whether the cloud, as it says, does not do it for now: then it is asked for again until the task's time is up. */
  isNotYet?(error: CloudError): boolean;
  /** Told when the cloud refuses with a conflict; the world is looked at again after it. */
  onConflict?(error: CloudError): void;
  /** Upper bound from the call to its effect, ms. */
  readonly waitMs: number;
  /** What to say when the effect does not show in time. */
  late(): TaskFailure;
}

/** Returns the world in which the effect shows. */
export async function bringAbout<World>(context: TaskContext, effect: Effect<World>): Promise<World> {
  const { steps, clock, signal, settings } = context;
  const patience = new Patience(context);
  /** Answers to looks do not make up for calls that are never answered. */
  const callPatience = new Patience(context);
  let step: Awaited<ReturnType<typeof steps.plan>>[number] | undefined;
  /** CLOCK_BOOTTIME ms of this engine's last call, or of its first look at somebody's. */
  let since: number | undefined;
  let requestId: string | null = null;
  let called = false;
  for (;;) {
    let world: World;
    try {
      world = await effect.look();
      patience.answered();
    } catch (error) {
      await patience.endure(error);
      continue;
    }
    if (!step) {
      [step] = await steps.plan([
        { key: effect.key, kind: effect.kind, object: effect.object, before: effect.before(world) },
      ]);
      if (!step) throw new Error('the journal planned no step');
    }
    const seen = effect.judge(world);
    if (seen === 'done') {
      if (step.state === 'planned') await steps.settle([{ step, state: 'skipped', error: 'it was so already' }]);
      else if (step.state !== 'done' && step.state !== 'skipped')
        await steps.settle([{ step, state: 'done', requestId }]);
      return world;
    }
    if (step.state === 'done' || step.state === 'skipped') return world;
    const now = clock.boottime();
    if (since !== undefined && now - since > effect.waitMs) {
      await steps.settle([{ step, state: 'failed', requestId, error: 'it did not show in time' }]);
      throw effect.late();
    }
    if (seen === 'absent' && !called) {
      await steps.intend([{ step }]);
      try {
        ({ requestId } = await effect.act(world));
        crashPoint('step.after-call');
        called = true;
        since = clock.boottime();
        await steps.settle([{ step, state: 'sent', requestId }]);
        crashPoint('step.after-sent');
        // The next look may show it at once.
        continue;
      } catch (error) {
        if (error instanceof CloudError && error.kind === 'conflict' && effect.onConflict) {
          effect.onConflict(error);
          called = true;
          since = clock.boottime();
          await steps.settle([{ step, state: 'unknown', error: error.message }]);
        } else if (error instanceof CloudError && effect.isNotYet?.(error)) {
          await steps.settle([{ step, state: 'planned', error: error.message }]);
          await clock.sleep(NOT_YET_INTERVALS * settings.verifyIntervalMs, signal);
        } else if (isOutage(error)) {
          // Whether it arrived is seen in the next look.
          await steps.settle([{ step, state: 'unknown', error: error.message }]);
          await callPatience.endure(error);
        } else {
          if (!signal.aborted && error instanceof CloudError) {
            await steps.settle([{ step, state: 'failed', error: error.message }]);
          }
          throw signal.aborted ? signal.reason : failureOf(error);
        }
        continue;
      }
    }
    since ??= now;
    await clock.sleep(settings.verifyIntervalMs, signal);
  }
}
