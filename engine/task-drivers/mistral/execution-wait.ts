/** Waits for an execution to end, and reports the state of its tasks meanwhile. */
import type { Cloud } from '../../cloud/cloud.ts';
import { type Execution, isOver, type WorkflowTask } from '../../cloud/workflows.ts';
import type { TaskContext } from '../../flow/task.ts';
import { OutageRetry } from '../../tasks/outage-retry.ts';

/** The pause between two polls grows from the first to the longest; both are short compared with a recovery and Mistral's own interval. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
const PAUSE_GROWTH = 2;
/** A workflow with endless tasks must not fill the journal. */
const MAX_LINES = 200;

type Waiting = Pick<TaskContext, 'clock' | 'signal' | 'settings' | 'progress'> & {
  readonly cloud: Pick<Cloud, 'workflows'>;
};

/** Undefined if Mistral does not have it any more. Only the signal ends the wait for one that is running. */
export async function executionEnd(context: Waiting, id: string): Promise<Execution | undefined> {
  const { clock, cloud, signal } = context;
  const { workflows } = cloud;
  const outageRetry = new OutageRetry(context);
  const mirror = new Mirror(context, id);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * PAUSE_GROWTH)) {
    try {
      const execution = await workflows.execution(id, { signal });
      if (!execution) return undefined;
      mirror.show(execution, await workflows.tasksOf(id, { signal }));
      outageRetry.answered();
      if (isOver(execution.state)) return execution;
    } catch (error) {
      await outageRetry.waitOut(error);
      continue;
    }
    await clock.sleep(pauseMs, signal);
  }
}

/** Reports each change of state once. */
class Mirror {
  readonly #report: Waiting['progress'];
  readonly #id: string;
  readonly #seen = new Map<string, string>();
  #state = 'RUNNING';
  #lines = 0;

  constructor({ progress }: Waiting, id: string) {
    this.#report = progress;
    this.#id = id;
  }

  show({ state }: Execution, tasks: readonly WorkflowTask[]): void {
    for (const { id, name, state: now } of tasks) {
      if (this.#seen.get(id) === now) continue;
      this.#seen.set(id, now);
      this.#lines += 1;
      if (this.#lines <= MAX_LINES) this.#report(`${name}: ${now}`);
      if (this.#lines === MAX_LINES) this.#report('Further changes of its tasks are not reported');
    }
    if (state === this.#state) return;
    this.#state = state;
    if (state === 'PAUSED')
      this.#report(`Execution ${this.#id} is paused; it continues when a user resumes it in Mistral`);
    else if (!isOver(state)) this.#report(`Execution ${this.#id} is ${state}`);
  }
}
