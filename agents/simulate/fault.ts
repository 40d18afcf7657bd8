/** The faults of a task in a simulation, and how they are injected. */
import type { OccurrenceName } from '#config/pipelines/occurrence.ts';
import { TaskFailure } from '#engine/flow/outcome.ts';
import type { Task, TaskContext } from '#engine/flow/task.ts';
import type { Life } from './life.ts';

export const FAULTS = ['fails', 'hangs', 'engine killed', 'cloud away'] as const;
/**
 * `fails`: every attempt, before it does anything. `hangs`: every attempt, until it times out. `engine killed`: once, at
 * its first effect on the world and before the engine learns of it; where it has none, at its end. `cloud away`: once, from
 * its beginning for `AWAY_MS`.
 */
export type Fault = (typeof FAULTS)[number];

export interface Disturbance {
  readonly task: OccurrenceName;
  readonly fault: Fault;
}

/** Longer than the default outage retry of the engine (outage_patience: 10 min), so that a flow may fail and be retried. */
export const AWAY_MS = 15 * 60_000;

/** The timeout of the task ends the hang. */
function untilCutOff(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Injects the fault of one run; it survives the engines. */
export class Trouble {
  readonly #disturbance: Disturbance | undefined;
  readonly #setCloud: (state: 'away' | 'there') => void;
  #isSpent = false;

  constructor(disturbance: Disturbance | undefined, setCloud: (state: 'away' | 'there') => void) {
    this.#disturbance = disturbance;
    this.#setCloud = setCloud;
  }

  /** Where the work of a task begins. */
  async atWork(task: OccurrenceName, { signal }: Pick<TaskContext, 'signal'>): Promise<void> {
    if (this.#disturbance?.task !== task) return;
    if (this.#disturbance.fault === 'fails') throw new TaskFailure('simulated failure');
    if (this.#disturbance.fault === 'hangs') await untilCutOff(signal);
  }

  /** The task, named like its occurrence in the flow, with the faults of its engine and its cloud. */
  around(task: Task, life: Life): Task {
    const { fault, task: name } = this.#disturbance ?? {};
    if (name !== task.name || (fault !== 'engine killed' && fault !== 'cloud away')) return task;
    return {
      ...task,
      run: async (context) => {
        if (!this.#isSpent && fault === 'engine killed') life.doom();
        if (!this.#isSpent && fault === 'cloud away') this.#takeCloudAway(context);
        this.#isSpent = true;
        try {
          return await task.run(context);
        } finally {
          // The engine of a task without an effect ends here.
          await life.outlive(undefined);
        }
      },
    };
  }

  #takeCloudAway({ clock }: TaskContext): void {
    this.#setCloud('away');
    void clock.sleep(AWAY_MS).then(() => this.#setCloud('there'));
  }
}
