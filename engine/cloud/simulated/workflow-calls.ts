/** Responses of the simulated Mistral to each call, and its client. */

import type { CallOptions } from '#openstack/http/call.ts';
import type { Accepted, ActOptions } from '../call.ts';
import type { Beginning, Execution, Value, Workflows, WorkflowTask } from '../workflows.ts';
import type { Arguments } from './arguments.ts';
import type { WorkflowWorld } from './workflow-world.ts';

export const WORKFLOW_READS: Readonly<Record<string, (world: WorkflowWorld, args: Arguments) => unknown>> = {
  'workflows.has': (world, { name }) => world.workflows.has(String(name)),
  'workflows.execution': (world, { id }) => world.execution(String(id)) ?? null,
  'workflows.tasksOf': (world, { id }) => world.tasksOf(String(id)),
};

export const WORKFLOW_ACTS: Readonly<Record<string, (world: WorkflowWorld, args: Arguments) => void>> = {
  'workflows.create': (world, { definition }) => world.create(String(definition)),
  'workflows.begin': (world, { id, workflowName, inputs }) =>
    world.begin(String(id), String(workflowName), inputs as Value),
  'workflows.cancel': (world, { id, reason }) => world.cancel(String(id), String(reason)),
};

type Call = (method: string, args: Arguments, options: CallOptions) => Promise<unknown>;
type Act = (method: string, args: Arguments, options: ActOptions) => Promise<Accepted>;

export class SimulatedWorkflows implements Workflows {
  readonly #call: Call;
  readonly #act: Act;

  constructor(call: Call, act: Act) {
    this.#call = call;
    this.#act = act;
  }

  async has(name: string, options: CallOptions = {}): Promise<boolean> {
    return (await this.#call('workflows.has', { name }, options)) === true;
  }

  create(definition: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('workflows.create', { definition }, options);
  }

  async begin(
    { id, workflowName, inputs }: Beginning,
    options: ActOptions = {},
  ): Promise<Accepted & { readonly id: string }> {
    return { ...(await this.#act('workflows.begin', { id, workflowName, inputs }, options)), id };
  }

  async execution(id: string, options: CallOptions = {}): Promise<Execution | undefined> {
    return ((await this.#call('workflows.execution', { id }, options)) ?? undefined) as Execution | undefined;
  }

  async tasksOf(id: string, options: CallOptions = {}): Promise<readonly WorkflowTask[]> {
    return (await this.#call('workflows.tasksOf', { id }, options)) as WorkflowTask[];
  }

  cancel(id: string, reason: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('workflows.cancel', { id, reason }, options);
  }
}
