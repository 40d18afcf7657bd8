/**
 * Requests to the API of a Masakari, with a token of Keystone.
 *
 * Each request has one attempt: the delivery retries a report, and it knows the order of the reports.
 */
import type { Credentials } from '#config/clouds/clouds.ts';
import { readTlsFiles } from '#config/clouds/tls-files.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import { type HttpClient, httpClient } from '#openstack/http/client.ts';
import { Deadline } from '#openstack/http/deadline.ts';
import type { Answer } from '#openstack/http/exchange.ts';
import { fault, type RequestDescription } from '#openstack/http/fault.ts';
import { DEFAULT_HTTP_OPTIONS } from '#openstack/http/options.ts';
import { Keystone, type Session } from '#openstack/keystone/session.ts';
import { tokenRequest } from '#openstack/keystone/token.ts';

/** Masakari's service types in catalogues (service-types.openstack.org). */
const SERVICE_TYPES: readonly string[] = ['instance-ha', 'ha'];

/** The catalogue of a large cloud comes with each token. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

const POST: RequestDescription = { who: 'Masakari', what: 'POST /notifications' };

export class MasakariApi {
  readonly #credentials: Credentials;
  readonly #client: HttpClient;
  readonly #keystone: Keystone;
  readonly #timeoutMs: number;
  readonly #closing = new AbortController();

  /**
   * Makes no connection. Throws if a file of the connection cannot be used.
   * @param endpoint set by the operator; empty: the catalogue has it
   * @param timeoutMs upper bound of one request
   */
  constructor(credentials: Credentials, endpoint: string, timeoutMs: number) {
    readTlsFiles(credentials);
    this.#credentials = endpoint === '' ? credentials : withEndpoint(credentials, endpoint);
    this.#timeoutMs = timeoutMs;
    const options = {
      ...DEFAULT_HTTP_OPTIONS,
      connectTimeoutMs: timeoutMs,
      requestTimeoutMs: timeoutMs,
      callTimeoutMs: timeoutMs,
      bodyMaxBytes: MAX_BODY_BYTES,
      tries: 1,
    };
    this.#client = httpClient(this.#credentials, options, 'recovery-agent', () => {});
    this.#keystone = new Keystone(this.#credentials, this.#client, {
      service: 'instance-ha',
      types: SERVICE_TYPES,
      advice: 'set [transport] masakari_endpoint',
    });
  }

  /** Throws `CloudError` if there is no token or no endpoint. */
  async session(): Promise<Session> {
    if (tokenRequest(this.#credentials) === undefined) {
      const { source } = this.#credentials;
      const message = `${source} has a token, which expires and cannot be renewed; use an application credential`;
      throw new CloudError('unauthorized', message);
    }
    return this.#bounded((deadline) => this.#keystone.session(deadline));
  }

  /** Masakari rejected this token: the next call gets another one. */
  discard(session: Session): void {
    this.#keystone.discard(session);
  }

  /** Any complete response. Throws `CloudError` without one. */
  async post(session: Session, body: object): Promise<Answer> {
    const request = {
      service: 'instance-ha',
      method: 'POST',
      url: new URL(`${session.url.href.replace(/\/+$/, '')}/notifications`),
      headers: { 'x-auth-token': session.token },
      body: JSON.stringify(body),
    } as const;
    const outcome = await this.#bounded((deadline) => this.#client.transport.exchange(request, deadline));
    if (outcome.kind === 'answer') return outcome;
    throw fault(POST, outcome, this.#client.redaction);
  }

  /** Cancels requests in progress. */
  close(): Promise<void> {
    this.#closing.abort(new Error('the target is closed'));
    this.#keystone.close();
    return this.#client.transport.close();
  }

  /** Ends `work` with the target. */
  async #bounded<T>(work: (deadline: Deadline) => Promise<T>): Promise<T> {
    // Longer than a request, whose own timeout names what did not respond.
    const deadline = new Deadline(2 * this.#timeoutMs, this.#closing.signal);
    try {
      return await work(deadline);
    } finally {
      deadline.close();
    }
  }
}

function withEndpoint(credentials: Credentials, endpoint: string): Credentials {
  const { services } = credentials;
  return { ...credentials, services: { ...services, 'instance-ha': { ...services?.['instance-ha'], endpoint } } };
}
