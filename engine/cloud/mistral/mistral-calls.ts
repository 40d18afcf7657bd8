/** The `Workflows` over Mistral's API v2 (service type `workflowv2` or `workflow`): which request each call is. */
import * as v from 'valibot';
import { type Accepted, type ActGuard, type ActOptions, type CallOptions, CloudError } from '../cloud.ts';
import type { Beginning, Execution, Value, Workflows, WorkflowTask } from '../workflows.ts';
import { parsed } from './answers.ts';
import { bounded } from './call.ts';
import type { Deadline } from './deadline.ts';
import { type Asked, fault } from './faults.ts';
import type { Keystone } from './keystone.ts';
import { requestIdOf } from './own-answer.ts';
import type { Repeatable } from './retry.ts';
import type { Answer, Request } from './transport.ts';
import { type Line, send } from './tries.ts';

/** What the catalogue calls Mistral: its own name for itself, and the official one. */
const SERVICE_TYPES = ['workflowv2', 'workflow'];
/** Of what Mistral says about a state; a failed task brings whole tracebacks. */
const MAX_STATE_INFO = 500;

const Text = v.nullish(v.string());
/** Mistral sends structures as text with JSON in it. */
const Structure = v.union([v.pipe(v.string(), v.parseJson()), v.record(v.string(), v.unknown()), v.null_()]);
const ExecutionAnswer = v.object({
  id: v.string(),
  state: v.string(),
  state_info: Text,
  output: v.optional(Structure),
});
const TasksAnswer = v.object({
  tasks: v.array(v.object({ id: v.string(), name: v.string(), state: v.string(), created_at: Text })),
});

interface Asking {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: { readonly type: string; readonly text: string };
  readonly repeatable: Repeatable;
}

export class Mistral implements Workflows {
  readonly #description: string;
  readonly #keystone: Keystone;
  readonly #line: Line;
  readonly #guard: ActGuard;

  constructor(description: string, keystone: Keystone, line: Line, guard: ActGuard) {
    this.#description = description;
    this.#keystone = keystone;
    this.#line = line;
    this.#guard = guard;
  }

  async has(workflowName: string, options: CallOptions = {}): Promise<boolean> {
    const path = `/workflows/${encodeURIComponent(workflowName)}`;
    return (await this.#found(this.#call({ method: 'GET', path, repeatable: 'safe' }, options))) !== undefined;
  }

  create(definition: string, options: ActOptions = {}): Promise<Accepted> {
    const body = { type: 'text/plain', text: definition };
    return this.#act({ method: 'POST', path: '/workflows', body, repeatable: 'unless_done' }, options);
  }

  async begin(
    { id, workflowName, inputs, description }: Beginning,
    options: ActOptions = {},
  ): Promise<Accepted & { readonly id: string }> {
    const body = json({ id, workflow_name: workflowName, input: inputs, description });
    // Asking again does no harm, but whoever asks must hear of each lost answer: after it, a refusal does not mean that
    // nothing was begun.
    const asking: Asking = { method: 'POST', path: '/executions', body, repeatable: 'unless_done' };
    const answer = await this.#call(asking, options);
    const begun = parsed(ExecutionAnswer, answer, askedFor(asking));
    return { requestId: requestIdOf(answer) ?? null, id: begun.id };
  }

  async execution(id: string, options: CallOptions = {}): Promise<Execution | undefined> {
    const asking: Asking = { method: 'GET', path: `/executions/${encodeURIComponent(id)}`, repeatable: 'safe' };
    const answer = await this.#found(this.#call(asking, options));
    if (answer === undefined) return undefined;
    const { state, state_info, output } = parsed(ExecutionAnswer, answer, askedFor(asking));
    // The workflow runs with our token, and what it says may quote it.
    const { redaction } = this.#line;
    const clean = (_: string, value: unknown): unknown => (typeof value === 'string' ? redaction.redact(value) : value);
    return {
      id,
      state,
      stateInfo: state_info ? oneLine(redaction.redact(state_info)) : null,
      output: outputOf(JSON.parse(JSON.stringify(output ?? {}), clean)),
    };
  }

  async tasksOf(executionId: string, options: CallOptions = {}): Promise<readonly WorkflowTask[]> {
    const path = `/executions/${encodeURIComponent(executionId)}/tasks`;
    const asking: Asking = { method: 'GET', path, repeatable: 'safe' };
    const { tasks } = parsed(TasksAnswer, await this.#call(asking, options), askedFor(asking));
    return [...tasks]
      .sort((a, b) => (a.created_at ?? '').localeCompare(b.created_at ?? ''))
      .map(({ id, name, state }) => ({ id, name, state }));
  }

  cancel(executionId: string, reason: string, options: ActOptions = {}): Promise<Accepted> {
    const path = `/executions/${encodeURIComponent(executionId)}`;
    const body = json({ state: 'CANCELLED', state_info: reason });
    return this.#act({ method: 'PUT', path, body, repeatable: 'safe' }, options);
  }

  async #act(asking: Asking, options: ActOptions): Promise<Accepted> {
    return { requestId: requestIdOf(await this.#call(asking, options)) ?? null };
  }

  /** Undefined instead of an answer that says that it does not exist. */
  async #found(answer: Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof CloudError && error.kind === 'not_found') return undefined;
      throw error;
    }
  }

  #call(asking: Asking, options: ActOptions): Promise<Answer> {
    return bounded(this.#description, options, this.#line.options.callTimeoutMs, (deadline) =>
      this.#request(asking, options, deadline),
    );
  }

  /** Throws for every answer that is not a success. */
  #request(asking: Asking, { globalRequestId }: ActOptions, deadline: Deadline): Promise<Answer> {
    const { method, path, body, repeatable } = asking;
    const asked = askedFor(asking);
    return this.#keystone.authorised(deadline, async (session) => {
      const request: Request = {
        service: 'workflow',
        method,
        url: new URL(`${apiRoot(session.endpoint('workflow', SERVICE_TYPES))}${path}`),
        headers: {
          'x-auth-token': session.token,
          ...(globalRequestId === undefined || method === 'GET' ? {} : { 'x-openstack-request-id': globalRequestId }),
          ...(body === undefined ? {} : { 'content-type': body.type }),
          // Where it takes plain text it says that it answers so (406 otherwise), and answers with JSON.
          ...(body?.type === 'text/plain' ? { accept: '*/*' } : {}),
        },
        ...(body === undefined ? {} : { body: body.text }),
      };
      const guard = method === 'GET' ? {} : { guard: this.#guard };
      const answer = await send(this.#line, { asked, request, repeatable, ...guard }, deadline);
      if (answer.status >= 200 && answer.status < 300) return answer;
      throw fault(asked, answer, this.#line.redaction);
    });
  }
}

/** The catalogue has it with the version, e.g. `http://controller:8989/v2`; some leave it out. */
function apiRoot(endpoint: URL): string {
  const path = endpoint.pathname.replace(/\/+$/, '');
  return `${endpoint.origin}${path.endsWith('/v2') ? path : `${path}/v2`}`;
}

function askedFor({ method, path }: Asking): Asked {
  return { who: 'Mistral', what: `${method} ${path}` };
}

function json(tree: object): { readonly type: string; readonly text: string } {
  return { type: 'application/json', text: JSON.stringify(tree) };
}

function outputOf(output: unknown): Execution['output'] {
  const isStructure = output !== null && typeof output === 'object' && !Array.isArray(output);
  return isStructure ? (output as { readonly [name: string]: Value }) : {};
}

function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > MAX_STATE_INFO ? `${line.slice(0, MAX_STATE_INFO)}…` : line;
}
