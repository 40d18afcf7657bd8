/** The `Workflows` over Mistral's API v2 (service type `workflowv2` or `workflow`): the request of each call. */
import * as v from 'valibot';
import type { ActGuard } from '#openstack/act-guard.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import type { CallOptions } from '#openstack/http/call.ts';
import { bounded } from '#openstack/http/call.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Deadline } from '#openstack/http/deadline.ts';
import type { Answer } from '#openstack/http/exchange.ts';
import { fault, type RequestDescription } from '#openstack/http/fault.ts';
import { requestIdOf } from '#openstack/http/own-answer.ts';
import { parsed } from '#openstack/http/response-body.ts';
import type { Repeatable } from '#openstack/http/retry.ts';
import { send } from '#openstack/http/send.ts';
import type { Request } from '#openstack/http/transport.ts';
import type { Keystone } from '#openstack/keystone/session.ts';
import { printable } from '#protocol/printable.ts';
import type { Accepted, ActOptions } from '../call.ts';
import type { Beginning, Execution, Value, Workflows, WorkflowTask } from '../workflows.ts';

/** Names of Mistral in catalogues: its own, and the official one. */
const SERVICE_TYPES = ['workflowv2', 'workflow'];
/** Limit of Mistral's text about a state; a failed task returns whole tracebacks. */
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

interface MistralRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: { readonly type: string; readonly text: string };
  readonly repeatable: Repeatable;
}

export class Mistral implements Workflows {
  readonly #description: string;
  readonly #keystone: Keystone;
  readonly #client: HttpClient;
  readonly #guard: ActGuard;

  constructor(description: string, keystone: Keystone, client: HttpClient, guard: ActGuard) {
    this.#description = description;
    this.#keystone = keystone;
    this.#client = client;
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
    // Repeating the request does no harm, but the caller must know of each lost response: after it, a refusal does not mean that nothing
    // was started.
    const request: MistralRequest = { method: 'POST', path: '/executions', body, repeatable: 'unless_done' };
    const answer = await this.#call(request, options);
    const started = parsed(ExecutionAnswer, answer, descriptionOf(request));
    return { requestId: requestIdOf(answer) ?? null, id: started.id };
  }

  async execution(id: string, options: CallOptions = {}): Promise<Execution | undefined> {
    const request: MistralRequest = {
      method: 'GET',
      path: `/executions/${encodeURIComponent(id)}`,
      repeatable: 'safe',
    };
    const answer = await this.#found(this.#call(request, options));
    if (answer === undefined) return undefined;
    const { state, state_info, output } = parsed(ExecutionAnswer, answer, descriptionOf(request));
    // The workflow runs with our token, and its output may quote it.
    const { redaction } = this.#client;
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
    const request: MistralRequest = { method: 'GET', path, repeatable: 'safe' };
    const { tasks } = parsed(TasksAnswer, await this.#call(request, options), descriptionOf(request));
    return [...tasks]
      .sort((a, b) => (a.created_at ?? '').localeCompare(b.created_at ?? ''))
      .map(({ id, name, state }) => ({ id, name, state }));
  }

  cancel(executionId: string, reason: string, options: ActOptions = {}): Promise<Accepted> {
    const path = `/executions/${encodeURIComponent(executionId)}`;
    const body = json({ state: 'CANCELLED', state_info: reason });
    return this.#act({ method: 'PUT', path, body, repeatable: 'safe' }, options);
  }

  async #act(request: MistralRequest, options: ActOptions): Promise<Accepted> {
    return { requestId: requestIdOf(await this.#call(request, options)) ?? null };
  }

  /** Undefined instead of a response that it does not exist. */
  async #found(answer: Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof CloudError && error.kind === 'not_found') return undefined;
      throw error;
    }
  }

  #call(request: MistralRequest, options: ActOptions): Promise<Answer> {
    return bounded(this.#description, options, this.#client.options.callTimeoutMs, (deadline) =>
      this.#request(request, options, deadline),
    );
  }

  /** Throws for every response that is not a success. */
  #request(request: MistralRequest, { globalRequestId }: ActOptions, deadline: Deadline): Promise<Answer> {
    const { method, path, body, repeatable } = request;
    const description = descriptionOf(request);
    return this.#keystone.authorised(deadline, async (session) => {
      const request: Request = {
        service: 'workflow',
        method,
        url: new URL(`${apiRoot(session.endpoint('workflow', SERVICE_TYPES))}${path}`),
        headers: {
          'x-auth-token': session.token,
          ...(globalRequestId === undefined || method === 'GET' ? {} : { 'x-openstack-request-id': globalRequestId }),
          ...(body === undefined ? {} : { 'content-type': body.type }),
          // For plain text the request accepts plain text (406 otherwise), and the response is JSON.
          ...(body?.type === 'text/plain' ? { accept: '*/*' } : {}),
        },
        ...(body === undefined ? {} : { body: body.text }),
      };
      const guard = method === 'GET' ? {} : { guard: this.#guard };
      const answer = await send(this.#client, { description, request, repeatable, ...guard }, deadline);
      if (answer.status >= 200 && answer.status < 300) return answer;
      throw fault(description, answer, this.#client.redaction);
    });
  }
}

/** The catalogue contains it with the version, e.g. `http://controller:8989/v2`; some omit it. */
function apiRoot(endpoint: URL): string {
  const path = endpoint.pathname.replace(/\/+$/, '');
  return `${endpoint.origin}${path.endsWith('/v2') ? path : `${path}/v2`}`;
}

function descriptionOf({ method, path }: MistralRequest): RequestDescription {
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
  const line = printable(text).replace(/\s+/g, ' ').trim();
  return line.length > MAX_STATE_INFO ? `${line.slice(0, MAX_STATE_INFO)}…` : line;
}
