/**
 * A small Mistral: workflows whose tasks take their time one after the other, in simulated or real time.
 *
 * It keeps one execution for an id, as Mistral does, and counts the starts of each workflow.
 */
import { parse } from 'yaml';
import { CloudError } from '#openstack/cloud-error.ts';
import { type Execution, isOver, type Value, type WorkflowTask } from '../workflows.ts';
import type { WorldClock } from './world-clock.ts';

export interface SimulatedWorkflow {
  /** The tasks in their order, each with the ms that it takes. */
  readonly tasks: readonly { readonly name: string; readonly ms: number }[];
  /** How an execution ends by itself; `PAUSED` and `RUNNING`: it does not end after its tasks. */
  readonly ends: 'SUCCESS' | 'ERROR' | 'PAUSED' | 'RUNNING';
  readonly stateInfo?: string;
  readonly output?: { readonly [name: string]: Value };
}

/** Of tasks of workflows that were created by their definition. */
const TASK_MS = 500;

interface Run {
  readonly id: string;
  readonly workflowName: string;
  readonly inputs: Value;
  readonly startedAt: number;
  /** Set if a caller ended it. */
  cancelled: { readonly at: number; readonly reason: string } | undefined;
}

const notFound = (what: string): CloudError => new CloudError('not_found', `${what} not found`, { status: 404 });

export class WorkflowWorld {
  readonly workflows = new Map<string, SimulatedWorkflow>();
  readonly #runs = new Map<string, Run>();
  readonly #clock: WorldClock;

  constructor(clock: WorldClock) {
    this.#clock = clock;
  }

  /** Executions in the order of their starts. */
  get executions(): readonly (Execution & Pick<Run, 'workflowName' | 'inputs' | 'startedAt'>)[] {
    return [...this.#runs.values()].map((run) => ({ ...this.#view(run), ...run }));
  }

  /** Every workflow of a definition, or none: an existing one is a conflict. */
  create(definition: string): void {
    const { version: _, ...workflows } = parse(definition) as Record<string, { tasks?: Record<string, unknown> }>;
    for (const name of Object.keys(workflows)) {
      if (this.workflows.has(name)) {
        throw new CloudError('conflict', `Duplicate entry for WorkflowDefinition: ${name}`, { status: 409 });
      }
    }
    for (const [name, { tasks = {} }] of Object.entries(workflows)) {
      const timed = Object.keys(tasks).map((task) => ({ name: task, ms: TASK_MS }));
      this.workflows.set(name, { tasks: timed, ends: 'SUCCESS' });
    }
  }

  begin(id: string, workflowName: string, inputs: Value): void {
    if (this.#runs.has(id)) return;
    if (!this.workflows.has(workflowName)) throw notFound(`Workflow ${workflowName}`);
    this.#runs.set(id, { id, workflowName, inputs, startedAt: this.#clock.now(), cancelled: undefined });
  }

  cancel(id: string, reason: string): void {
    const run = this.#runs.get(id);
    if (!run) throw notFound(`WorkflowExecution ${id}`);
    if (!isOver(this.#view(run).state)) run.cancelled = { at: this.#clock.now(), reason };
  }

  /** Mistral removes executions some time after their end. */
  forget(id: string): void {
    this.#runs.delete(id);
  }

  execution(id: string): Execution | undefined {
    const run = this.#runs.get(id);
    return run && this.#view(run);
  }

  tasksOf(id: string): WorkflowTask[] {
    const run = this.#runs.get(id);
    if (!run) throw notFound(`WorkflowExecution ${id}`);
    const elapsed = (run.cancelled?.at ?? this.#clock.now()) - run.startedAt;
    const { tasks, ends } = this.#workflowOf(run);
    let from = 0;
    return tasks.flatMap(({ name, ms }, index) => {
      const [begins, over] = [from, from + ms];
      from = over;
      if (elapsed < begins) return [];
      const isLast = index === tasks.length - 1;
      const end = isLast && ends === 'ERROR' ? 'ERROR' : 'SUCCESS';
      return [{ id: `${id}:${name}`, name, state: elapsed >= over ? end : 'RUNNING' }];
    });
  }

  #workflowOf({ workflowName }: Run): SimulatedWorkflow {
    return this.workflows.get(workflowName) ?? { tasks: [], ends: 'ERROR' };
  }

  #view(run: Run): Execution {
    const { id, startedAt, cancelled } = run;
    if (cancelled) return { id, state: 'CANCELLED', stateInfo: cancelled.reason, output: {} };
    const { tasks, ends, stateInfo = null, output = {} } = this.#workflowOf(run);
    const takes = tasks.reduce((sum, { ms }) => sum + ms, 0);
    if (this.#clock.now() - startedAt < takes) return { id, state: 'RUNNING', stateInfo: null, output: {} };
    return { id, state: ends, stateInfo, output: ends === 'SUCCESS' ? output : {} };
  }
}
