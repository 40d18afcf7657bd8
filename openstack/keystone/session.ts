/**
 * The token: got once, used by every call, renewed shortly before it ends.
 *
 * Invariants: at most one request for a token is under way, and everybody who needs it waits for that one. While a
 * renewal before the end fails, the token in hand is used as long as it lives.
 */

import type { Credentials, ServiceName } from '#config/clouds.ts';
import { CloudError } from '../cloud.ts';
import { parsed } from './answers.ts';
import { serviceEndpoint } from './catalogue.ts';
import { Deadline } from './deadline.ts';
import { type Asked, fault } from './faults.ts';
import { type Token, TokenAnswer, tokenOf, tokenRequest, tokenText } from './token.ts';
import type { Request } from './transport.ts';
import { type Line, send } from './tries.ts';

/** Renewed this long before the end, or 5 % of its life where that is less. */
const MARGIN_MS = 60_000;
const MARGIN_SHARE = 0.05;

export interface Session {
  readonly token: string;
  /** Nova's endpoint, as the catalogue or the settings of the cloud have it. */
  readonly compute: URL;
  /**
   * That of another service; throws `CloudError` of kind `refused` when the catalogue has none.
   * @param types what catalogues call it, the most usual first
   */
  endpoint(service: ServiceName, types: readonly string[]): URL;
  /** Keystone's clock and ours when the token was got. */
  readonly answered: { readonly cloud: Date; readonly boottime: number } | undefined;
}

interface Held extends Session {
  readonly renewAt: number;
  readonly endsAt: number;
}

/** Version 3 of the API at an address that may name a version. */
function versionRoot(url: string): string {
  return `${url.replace(/\/+(?:v3|v2\.0)?\/*$|$/, '')}/v3`;
}

export class Keystone {
  readonly #credentials: Credentials;
  readonly #line: Line;
  /** Where its version 3 answers; without a slash at the end. */
  readonly root: string;
  readonly #url: URL;
  readonly #closing = new AbortController();
  #held: Held | undefined;
  #renewing: Promise<Held> | undefined;

  constructor(credentials: Credentials, line: Line) {
    this.#credentials = credentials;
    this.#line = line;
    this.root = versionRoot(credentials.authUrl);
    this.#url = new URL(`${this.root}/auth/tokens`);
  }

  /** Throws `CloudError` (kinds `unreachable`, `busy`, `unauthorized`, `refused`) or `DeadlineEnded`. */
  async session(deadline: Deadline): Promise<Session> {
    const held = this.#held;
    const now = this.#line.options.clock.boottime();
    if (held === undefined || now >= held.endsAt) return deadline.race(this.#renewal());
    if (now >= held.renewAt) {
      this.#renewal().catch((error) => this.#line.log('warn', `the token could not be renewed: ${error.message}`));
    }
    return held;
  }

  /**
   * Does what needs a token; once more with a new one after a 401. A 401 means that the service did nothing, so this one
   * repetition is safe even for a request that must not be.
   */
  async authorised<T>(deadline: Deadline, work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.session(deadline);
    try {
      return await work(session);
    } catch (error) {
      if (!(error instanceof CloudError && error.status === 401)) throw error;
      this.#line.log('info', `${error.message}; trying once more with a new token`);
    }
    this.discard(session);
    return work(await this.session(deadline));
  }

  /** Where questions about users and projects go, without a slash at the end: to where tokens come from, unless set apart. */
  identityRoot(session: Session): string {
    const { interface: face, region, endpoint, name, type } = this.#credentials.services?.identity ?? {};
    if ((face ?? region ?? endpoint ?? name ?? type) === undefined) return this.root;
    return versionRoot(session.endpoint('identity', ['identity']).href);
  }

  /** A service did not take this token: the next call gets another one. */
  discard(session: Session): void {
    if (this.#held?.token === session.token) this.#held = undefined;
  }

  close(): void {
    this.#closing.abort(new CloudError('unreachable', 'the client of the cloud was closed'));
  }

  #renewal(): Promise<Held> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renew(): Promise<Held> {
    const { options, redaction } = this.#line;
    const deadline = new Deadline(options.callTimeoutMs, this.#closing.signal);
    try {
      const boottime = options.clock.boottime();
      const token = await this.#request(deadline);
      redaction.addToken(token.text);
      const endpoint: Session['endpoint'] = (service, types) =>
        serviceEndpoint(token.catalogue, this.#credentials, service, types);
      const compute = endpoint('compute', [options.serviceType]);
      const { lifetimeMs = Number.POSITIVE_INFINITY, answeredAt } = token;
      const marginMs = Math.min(MARGIN_MS, lifetimeMs * MARGIN_SHARE);
      this.#held = {
        token: token.text,
        compute,
        endpoint,
        answered: answeredAt && { cloud: answeredAt, boottime: options.clock.boottime() },
        renewAt: boottime + lifetimeMs - marginMs,
        endsAt: boottime + lifetimeMs,
      };
      return this.#held;
    } finally {
      deadline.close();
    }
  }

  async #request(deadline: Deadline): Promise<Token> {
    const credentials = this.#credentials;
    const body = tokenRequest(credentials);
    const method = body === undefined ? 'GET' : 'POST';
    const own = credentials.method === 'token' && body === undefined ? credentials.token.reveal() : undefined;
    const headers: Record<string, string> = own === undefined ? {} : { 'x-auth-token': own, 'x-subject-token': own };
    const request: Request = {
      service: 'identity',
      method,
      url: this.#url,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const asked: Asked = { who: 'Keystone', what: `${method} ${this.#url.origin}${this.#url.pathname}` };
    try {
      // A second token does no harm, so asking for one is safe to repeat.
      const answer = await send(this.#line, { asked, request, repeatable: 'safe' }, deadline);
      if (answer.status !== 200 && answer.status !== 201) throw fault(asked, answer, this.#line.redaction);
      return tokenOf(own ?? tokenText(answer), parsed(TokenAnswer, answer, asked), answer);
    } catch (error) {
      throw error instanceof CloudError ? this.#withoutToken(error) : error;
    }
  }

  /** Whatever went wrong with Keystone, what the caller wanted of Nova was not even sent. */
  #withoutToken(error: CloudError): CloudError {
    const { kind, status, requestId, retryAfter, cause } = error;
    const details = {
      ...(status === undefined ? {} : { status }),
      ...(requestId === undefined ? {} : { requestId }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
      cause,
    };
    const { source } = this.#credentials;
    const hint = ` (is auth_url right in ${source}?)`;
    switch (kind) {
      case 'unauthorized':
        return new CloudError(kind, `${error.message} (the credentials are those of ${source})`, details);
      case 'unreachable':
      case 'busy':
        return error;
      case 'unknown':
        return new CloudError(
          'unreachable',
          `${error.message}${status === 404 ? hint : ''}; so there is no token`,
          details,
        );
      default:
        return new CloudError('refused', `${error.message}${hint}`, details);
    }
  }
}
