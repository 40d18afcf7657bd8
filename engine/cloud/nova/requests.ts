/** Requests to Nova: with the token, and in the negotiated version. */
import type * as v from 'valibot';
import { type Accepted, type ActGuard, type ActOptions, CloudError } from '../cloud.ts';
import { answerTo, parsed } from './answers.ts';
import { Deadline } from './deadline.ts';
import { type Asked, fault, quoted } from './faults.ts';
import type { Keystone, Session } from './keystone.ts';
import { apiRoot, type Microversion, negotiated, VersionDocument } from './microversion.ts';
import { isPage, requestIdOf } from './own-answer.ts';
import { httpDate, type Repeatable } from './retry.ts';
import type { Answer, Request } from './transport.ts';
import { type Errand, type Line, send } from './tries.ts';

export interface Read<T> {
  readonly value: T;
  /** The cloud's clock when it answered; undefined where neither Nova nor Keystone gave a time. */
  readonly at: Date | undefined;
  /** How a message about a part of `value` starts. */
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
  readonly #line: Line;
  readonly #guard: ActGuard;
  readonly #closing = new AbortController();
  readonly #versions = new Map<string, Promise<Microversion>>();

  constructor(keystone: Keystone, line: Line, guard: ActGuard) {
    this.#keystone = keystone;
    this.#line = line;
    this.#guard = guard;
  }

  async version(deadline: Deadline): Promise<Microversion> {
    return (await this.#keystone.authorised(deadline, (session) => this.#api(session, deadline))).version;
  }

  async get<S extends v.GenericSchema>(
    schema: S,
    path: string,
    query: Readonly<Record<string, string | undefined>>,
    deadline: Deadline,
  ): Promise<Read<v.InferOutput<S>>> {
    const asked: Asked = { who: 'Nova', what: `GET ${path}` };
    return this.#keystone.authorised(deadline, async (session) => {
      const api = await this.#api(session, deadline);
      const url = new URL(`${api.root}${path}`);
      for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
      const request = this.#request(session, api, { method: 'GET', url });
      const answer = await this.#send({ asked, request, repeatable: 'safe' }, api, deadline);
      const at = httpDate(answer.headers) ?? this.#cloudTime(session);
      return { value: parsed(schema, answer, asked), at, start: answerTo(asked, answer) };
    });
  }

  async change({ method, path, body, repeatable }: Change, act: ActOptions, deadline: Deadline): Promise<Accepted> {
    const asked: Asked = { who: 'Nova', what: `${method} ${path}` };
    const flow = act.globalRequestId;
    const headers: Record<string, string> = flow === undefined ? {} : { 'x-openstack-request-id': flow };
    return this.#keystone.authorised(deadline, async (session) => {
      const api = await this.#api(session, deadline);
      const url = new URL(`${api.root}${path}`);
      const request = this.#request(session, api, { method, url, headers, body: JSON.stringify(body) });
      const answer = await this.#send({ asked, request, repeatable, guard: this.#guard }, api, deadline);
      if (isPage(answer)) {
        const message = `something answered ${answer.status} to ${asked.what} with a page of HTML, which Nova never does`;
        throw new CloudError('unknown', message, { status: answer.status });
      }
      return { requestId: requestIdOf(answer) ?? null };
    });
  }

  /** What Nova says in an answer, fit for a message. */
  quoted(words: string): string {
    return quoted(words, this.#line.redaction);
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

  /** Throws for every answer that is not a success. */
  async #send(errand: Errand, api: Api, deadline: Deadline): Promise<Answer> {
    const answer = await send(this.#line, errand, deadline);
    if (answer.status >= 200 && answer.status < 300) return answer;
    // 406: Nova was replaced by one that does not know this version.
    if (answer.status === 406) this.#versions.delete(api.root);
    throw fault(errand.asked, answer, this.#line.redaction);
  }

  async #api(session: Session, deadline: Deadline): Promise<Api> {
    const root = apiRoot(session.compute);
    let version = this.#versions.get(root);
    if (version === undefined) {
      version = this.#negotiate(root, session);
      this.#versions.set(root, version);
      version.catch(() => this.#versions.delete(root));
    }
    return { root, version: await deadline.race(version) };
  }

  async #negotiate(root: string, session: Session): Promise<Microversion> {
    const deadline = new Deadline(this.#line.options.callTimeoutMs, this.#closing.signal);
    const url = new URL(`${root}/`);
    const asked: Asked = { who: 'Nova', what: `GET ${url.href}` };
    const request: Request = { service: 'compute', method: 'GET', url, headers: { 'x-auth-token': session.token } };
    try {
      const answer = await send(this.#line, { asked, request, repeatable: 'safe' }, deadline);
      // 300 is how some versions answer a question for the choice of versions.
      if (answer.status === 200 || answer.status === 300) {
        return negotiated(parsed(VersionDocument, answer, asked), root, this.#line.options.microversionLimit);
      }
      throw fault(asked, answer, this.#line.redaction);
    } catch (error) {
      throw error instanceof CloudError ? unsent(error) : error;
    } finally {
      deadline.close();
    }
  }

  /** Keystone's clock, carried on: some servers (uwsgi on its own) send no `Date`. Never ahead of the cloud's. */
  #cloudTime({ answered }: Session): Date | undefined {
    if (answered === undefined) return undefined;
    return new Date(answered.cloud.getTime() + this.#line.options.clock.boottime() - answered.boottime);
  }
}

/** What is not known of the question for the version is known of the call: it was not sent. */
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
