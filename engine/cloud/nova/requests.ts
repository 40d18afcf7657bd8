/** Requests to Nova: with the token, and in the negotiated version. */
import type * as v from 'valibot';
import type { ActGuard } from '#openstack/act-guard.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import { Deadline } from '#openstack/http/deadline.ts';
import type { Answer } from '#openstack/http/exchange.ts';
import { fault, quoted, type RequestDescription } from '#openstack/http/fault.ts';
import { isPage, requestIdOf } from '#openstack/http/own-answer.ts';
import { answerTo, parsed } from '#openstack/http/response-body.ts';
import type { Repeatable } from '#openstack/http/retry.ts';
import { httpDate } from '#openstack/http/retry-after.ts';
import { type PreparedRequest, send } from '#openstack/http/send.ts';
import type { Request } from '#openstack/http/transport.ts';
import type { Keystone, Session } from '#openstack/keystone/session.ts';
import type { Accepted, ActOptions } from '../call.ts';
import type { CloudAccess } from '../cloud.ts';
import { apiRoot, type Microversion, negotiated, VersionDocument } from './microversion.ts';

export interface Read<T> {
  readonly value: T;
  /** The cloud's clock at the response; undefined if neither Nova nor Keystone gave a time. */
  readonly at: Date | undefined;
  /** The start of a message about a part of `value`. */
  readonly start: string;
}

export interface Change {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly body: object;
  readonly repeatable: Repeatable;
}

interface Api {
  readonly root: string;
  readonly version: Microversion;
}

export class Compute {
  readonly #keystone: Keystone;
  readonly #client: HttpClient;
  readonly #guard: ActGuard;
  /** The highest version to use; undefined: the highest that both sides know. */
  readonly #limit: Microversion | undefined;
  readonly #closing = new AbortController();
  readonly #versions = new Map<string, Promise<Microversion>>();

  constructor(keystone: Keystone, client: HttpClient, guard: ActGuard, limit: Microversion | undefined) {
    this.#keystone = keystone;
    this.#client = client;
    this.#guard = guard;
    this.#limit = limit;
  }

  async version(deadline: Deadline): Promise<Microversion> {
    return (await this.#keystone.authorised(deadline, (session) => this.#api(session, deadline))).version;
  }

  async access(deadline: Deadline): Promise<CloudAccess> {
    return this.#keystone.authorised(deadline, async (session) => {
      const { version } = await this.#api(session, deadline);
      return { roles: session.roles, description: `${session.identity}, Nova API 2.${version}` };
    });
  }

  async get<S extends v.GenericSchema>(
    schema: S,
    path: string,
    query: Readonly<Record<string, string | undefined>>,
    deadline: Deadline,
  ): Promise<Read<v.InferOutput<S>>> {
    const description: RequestDescription = { who: 'Nova', what: `GET ${path}` };
    return this.#keystone.authorised(deadline, async (session) => {
      const api = await this.#api(session, deadline);
      const url = new URL(`${api.root}${path}`);
      for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
      const request = this.#request(session, api, { method: 'GET', url });
      const answer = await this.#send({ description, request, repeatable: 'safe' }, api, deadline);
      const at = httpDate(answer.headers) ?? this.#cloudTime(session);
      return { value: parsed(schema, answer, description), at, start: answerTo(description, answer) };
    });
  }

  async change({ method, path, body, repeatable }: Change, act: ActOptions, deadline: Deadline): Promise<Accepted> {
    const description: RequestDescription = { who: 'Nova', what: `${method} ${path}` };
    const flow = act.globalRequestId;
    const headers: Record<string, string> = flow === undefined ? {} : { 'x-openstack-request-id': flow };
    return this.#keystone.authorised(deadline, async (session) => {
      const api = await this.#api(session, deadline);
      const url = new URL(`${api.root}${path}`);
      const request = this.#request(session, api, { method, url, headers, body: JSON.stringify(body) });
      const answer = await this.#send({ description, request, repeatable, guard: this.#guard }, api, deadline);
      if (isPage(answer)) {
        const message = `something responded ${answer.status} to ${description.what} with a page of HTML, which Nova never does`;
        throw new CloudError('unknown', message, { status: answer.status });
      }
      return { requestId: requestIdOf(answer) ?? null };
    });
  }

  /** Nova's message in a response, prepared for ours. */
  quoted(words: string): string {
    return quoted(words, this.#client.redaction);
  }

  close(): void {
    this.#closing.abort(new CloudError('unreachable', 'the client of the cloud was closed'));
  }

  #request(session: Session, api: Api, rest: Pick<Request, 'method' | 'url'> & Partial<Request>): Request {
    const headers = {
      ...rest.headers,
      'x-auth-token': session.token,
      'openstack-api-version': `compute 2.${api.version}`,
    };
    return { ...rest, service: 'compute', headers };
  }

  /** Throws for every response that is not a success. */
  async #send(errand: PreparedRequest, api: Api, deadline: Deadline): Promise<Answer> {
    const answer = await send(this.#client, errand, deadline);
    if (answer.status >= 200 && answer.status < 300) return answer;
    // 406: Nova was replaced by one that does not know this version.
    if (answer.status === 406) this.#versions.delete(api.root);
    throw fault(errand.description, answer, this.#client.redaction);
  }

  async #api(session: Session, deadline: Deadline): Promise<Api> {
    const root = apiRoot(session.url);
    let version = this.#versions.get(root);
    if (version === undefined) {
      version = this.#negotiate(root, session);
      this.#versions.set(root, version);
      version.catch(() => this.#versions.delete(root));
    }
    return { root, version: await deadline.race(version) };
  }

  async #negotiate(root: string, session: Session): Promise<Microversion> {
    const deadline = new Deadline(this.#client.options.callTimeoutMs, this.#closing.signal);
    const url = new URL(`${root}/`);
    const description: RequestDescription = { who: 'Nova', what: `GET ${url.href}` };
    const request: Request = { service: 'compute', method: 'GET', url, headers: { 'x-auth-token': session.token } };
    try {
      const answer = await send(this.#client, { description, request, repeatable: 'safe' }, deadline);
      // 300 is the response of some versions to a request for the list of versions.
      if (answer.status === 200 || answer.status === 300) {
        return negotiated(parsed(VersionDocument, answer, description), root, this.#limit);
      }
      throw fault(description, answer, this.#client.redaction);
    } catch (error) {
      throw error instanceof CloudError ? unsent(error) : error;
    } finally {
      deadline.close();
    }
  }

  /** Keystone's clock, advanced: some servers (uwsgi on its own) send no `Date`. Never ahead of the cloud's. */
  #cloudTime({ answered }: Session): Date | undefined {
    if (answered === undefined) return undefined;
    return new Date(answered.cloud.getTime() + this.#client.options.clock.boottime() - answered.boottime);
  }
}

/** If the outcome of the request for the version is unknown, that of the call is known: it was not sent. */
function unsent(error: CloudError): CloudError {
  if (error.kind !== 'unknown') return error;
  const { status, requestId, retryAfter, cause } = error;
  return new CloudError('unreachable', `${error.message}; so there is no version of the API, and nothing was sent`, {
    ...(status === undefined ? {} : { status }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    cause,
  });
}
