/**
 * Authenticates to a BMC over Redfish: with HTTP basic authentication, or with a session.
 *
 * Invariant: a BMC has few sessions (often 4 to 16) and keeps an unused one for half an hour. One poll has at most one
 * session at a time, and each is deleted when the poll ends, also if the poll fails or is aborted.
 * Source: DSP0266, session management. Credentials of a session go in the body of the request alone: some services
 * refuse a login that has an Authorization header too (ansible-collections/community.general, pull request 5903).
 */

import * as v from 'valibot';
import { errorMessage } from '#protocol/error-message.ts';
import { type HttpClient, type JsonAnswer, statusOf } from '../http-client.ts';

const ROOT = '/redfish/v1/';
const SESSIONS = '/redfish/v1/SessionService/Sessions';
const COLLECTION_PATH = /^\/redfish\/v1\/(?:[a-zA-Z0-9\-._~]+\/)*Sessions\/?$/i;
const SESSION_PATH = /^\/redfish\/v1\/(?:[a-zA-Z0-9\-._~]+\/)*Sessions\/[a-zA-Z0-9\-._~%]+\/?$/i;
const ODATA = { 'odata-version': '4.0' };

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** `basic-or-session`: a session if the BMC refuses basic authentication. */
export type Authentication = 'basic' | 'session' | 'basic-or-session';

const root = v.object({ Links: v.object({ Sessions: v.object({ '@odata.id': v.string() }) }) });

/** The session as in the body, if `Location` is missing. */
const resource = v.object({ '@odata.id': v.string() });

interface Session {
  readonly token: string;
  /** Of its resource, which is deleted in the end; undefined if the BMC did not return it. */
  readonly path: string | undefined;
  /** The BMC has accepted it. */
  isUsed: boolean;
}

/** The requests of one poll of one BMC. */
export class RedfishSession implements AsyncDisposable {
  readonly #client: HttpClient;
  readonly #credentials: Credentials;
  readonly #authentication: Authentication;
  readonly #timeoutMs: number;
  #session: Session | undefined;
  #isBasicRefused = false;

  constructor(client: HttpClient, credentials: Credentials, authentication: Authentication, timeoutMs: number) {
    this.#client = client;
    this.#credentials = credentials;
    this.#authentication = authentication;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether the BMC refused basic authentication and accepted a session: the next poll can start with one. */
  get needsSession(): boolean {
    return this.#isBasicRefused && this.#session !== undefined;
  }

  async get(path: string): Promise<JsonAnswer> {
    if (this.#authentication === 'session' || this.#isBasicRefused) return await this.#getInSession(path);
    try {
      const { user, password } = this.#credentials;
      const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
      return await this.#client.request('GET', path, { ...ODATA, authorization });
    } catch (error) {
      if (this.#authentication === 'basic' || !isRefused(error)) throw error;
      await this.#loginAfter(error);
      this.#isBasicRefused = true;
      return await this.#getInSession(path);
    }
  }

  /** @param refusal of basic authentication: reported with the session's if both are refused */
  async #loginAfter(refusal: unknown): Promise<void> {
    try {
      await this.#login();
    } catch (error) {
      const [basic, session] = [refusal, error].map((one) => errorMessage(one));
      throw new Error(`${basic}; no session either: ${session}`, { cause: error });
    }
  }

  async #getInSession(path: string): Promise<JsonAnswer> {
    const isNew = this.#session?.isUsed !== true;
    const session = await this.#login();
    try {
      const answer = await this.#client.request('GET', path, { ...ODATA, 'x-auth-token': session.token });
      session.isUsed = true;
      return answer;
    } catch (error) {
      // A session that worked before has ended on the BMC: one more is opened, once.
      if (isNew || statusOf(error) !== 401) throw error;
      await this.#logout();
      const renewed = await this.#login();
      return await this.#client.request('GET', path, { ...ODATA, 'x-auth-token': renewed.token });
    }
  }

  async #login(): Promise<Session> {
    if (this.#session !== undefined) return this.#session;
    const { user, password } = this.#credentials;
    const credentials = { UserName: user, Password: password };
    const { headers, body } = await this.#client.request('POST', await this.#collection(), ODATA, credentials);
    const token = headers['x-auth-token'];
    if (typeof token !== 'string' || token === '') throw new Error('the BMC opened a session without X-Auth-Token');
    const named = v.safeParse(resource, body);
    const path = sessionPath(headers.location) ?? (named.success ? sessionPath(named.output['@odata.id']) : undefined);
    this.#session = { token, path, isUsed: false };
    return this.#session;
  }

  /** The path for new sessions: as in the service's root, else as in the specification. */
  async #collection(): Promise<string> {
    try {
      const answer = v.parse(root, (await this.#client.request('GET', ROOT, ODATA)).body);
      const path = pathOf(answer.Links.Sessions['@odata.id']);
      return path !== undefined && COLLECTION_PATH.test(path) ? path : SESSIONS;
    } catch {
      // An error that affects the login too is reported by the login.
      return SESSIONS;
    }
  }

  async #logout(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session?.path === undefined) return;
    const login = { ...ODATA, 'x-auth-token': session.token };
    const signal = AbortSignal.timeout(this.#timeoutMs);
    await this.#client.request('DELETE', session.path, login, undefined, signal).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#logout();
  }
}

function isRefused(error: unknown): boolean {
  const status = statusOf(error);
  return status === 401 || status === 403;
}

/** `Location` is a path or a URL; only its path is used, and only one that is a session. */
function sessionPath(location: unknown): string | undefined {
  const path = typeof location === 'string' ? pathOf(location) : undefined;
  return path !== undefined && SESSION_PATH.test(path) ? path : undefined;
}

function pathOf(location: string): string | undefined {
  return URL.parse(location, 'https://bmc')?.pathname;
}
