/**
 * The token: obtained once, used by every call, renewed shortly before it expires.
 *
 * Invariants: at most one request for a token is in progress, and every caller that needs the token waits for that one. While a renewal
 * before the expiry fails, the old token is used as long as it is valid.
 */

import type { Credentials, ServiceName } from '#config/clouds/clouds.ts';
import { CloudError } from '../cloud-error.ts';
import type { HttpClient } from '../http/client.ts';
import { Deadline } from '../http/deadline.ts';
import { fault, type RequestDescription } from '../http/fault.ts';
import { parsed } from '../http/response-body.ts';
import { send } from '../http/send.ts';
import type { Request } from '../http/transport.ts';
import { serviceEndpoint } from './catalogue.ts';
import { type Token, TokenAnswer, tokenOf, tokenRequest, tokenText } from './token.ts';

/** Renewed this long before it expires, or 5 % of its life if that is less. */
const MARGIN_MS = 60_000;
const MARGIN_SHARE = 0.05;

export interface Session {
  readonly token: string;
  readonly roles: readonly string[] | undefined;
  /** The user and the scope, by name. */
  readonly identity: string;
  /** The endpoint of the client's service, from the catalogue or the settings of the cloud. */
  readonly url: URL;
  /**
   * The endpoint of another service; throws `CloudError` of kind `refused` if the catalogue has none.
   * @param types names of the service in catalogues, the most usual first
   */
  endpoint(service: ServiceName, types: readonly string[]): URL;
  /** Keystone's clock and ours when the token was obtained. */
  readonly answered: { readonly cloud: Date; readonly boottime: number } | undefined;
}

/** The service that the token is for. Without its endpoint there is no session. */
export interface MainService {
  readonly service: ServiceName;
  /** Names of the service in catalogues, the most usual first. */
  readonly types: readonly string[];
  /** For a missing endpoint: what the operator can do, beside a change of the catalogue. */
  readonly advice?: string;
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
  readonly #client: HttpClient;
  readonly #main: MainService;
  /** The address of its version 3, without a slash at the end. */
  readonly root: string;
  readonly #url: URL;
  readonly #closing = new AbortController();
  #held: Held | undefined;
  #renewing: Promise<Held> | undefined;

  constructor(credentials: Credentials, client: HttpClient, main: MainService) {
    this.#credentials = credentials;
    this.#client = client;
    this.#main = main;
    this.root = versionRoot(credentials.authUrl);
    this.#url = new URL(`${this.root}/auth/tokens`);
  }

  /** Throws `CloudError` (kinds `unreachable`, `busy`, `unauthorized`, `refused`) or `DeadlineEnded`. */
  async session(deadline: Deadline): Promise<Session> {
    const held = this.#held;
    const now = this.#client.options.clock.boottime();
    if (held === undefined || now >= held.endsAt) return deadline.race(this.#renewal());
    if (now >= held.renewAt) {
      this.#renewal().catch((error) => this.#client.log('warn', `the token could not be renewed: ${error.message}`));
    }
    return held;
  }

  /**
   * Runs work that needs a token, and repeats it once with a new token after a 401. A 401 means that the service did nothing, so this one
   * repetition is safe even for a request that must not be repeated.
   */
  async authorised<T>(deadline: Deadline, work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.session(deadline);
    try {
      return await work(session);
    } catch (error) {
      if (!(error instanceof CloudError && error.status === 401)) throw error;
      this.#client.log('info', `${error.message}; retrying once with a new token`);
    }
    this.discard(session);
    return work(await this.session(deadline));
  }

  /** The address for requests about users and projects, without a slash at the end: that of the tokens by default. */
  identityRoot(session: Session): string {
    const { interface: face, region, endpoint, name, type } = this.#credentials.services?.identity ?? {};
    if ((face ?? region ?? endpoint ?? name ?? type) === undefined) return this.root;
    return versionRoot(session.endpoint('identity', ['identity']).href);
  }

  /** A service rejected this token: the next call gets another one. */
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
    const { options, redaction } = this.#client;
    const deadline = new Deadline(options.callTimeoutMs, this.#closing.signal);
    try {
      const boottime = options.clock.boottime();
      const token = await this.#request(deadline);
      redaction.addToken(token.text);
      const endpoint: Session['endpoint'] = (service, types) =>
        serviceEndpoint(token.catalogue, this.#credentials, service, types);
      const url = this.#mainUrl(endpoint);
      const { lifetimeMs = Number.POSITIVE_INFINITY, answeredAt } = token;
      const marginMs = Math.min(MARGIN_MS, lifetimeMs * MARGIN_SHARE);
      this.#held = {
        token: token.text,
        roles: token.roles,
        identity: token.identity,
        url,
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

  #mainUrl(endpoint: Session['endpoint']): URL {
    const { service, types, advice } = this.#main;
    try {
      return endpoint(service, types);
    } catch (error) {
      if (advice === undefined || !(error instanceof CloudError)) throw error;
      throw new CloudError(error.kind, `${error.message}; ${advice}`, { cause: error });
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
    const description: RequestDescription = {
      who: 'Keystone',
      what: `${method} ${this.#url.origin}${this.#url.pathname}`,
    };
    try {
      // A second token does no harm, so the request for one is safe to repeat.
      const answer = await send(this.#client, { description, request, repeatable: 'safe' }, deadline);
      if (answer.status !== 200 && answer.status !== 201) throw fault(description, answer, this.#client.redaction);
      return tokenOf(own ?? tokenText(answer), parsed(TokenAnswer, answer, description), answer);
    } catch (error) {
      throw error instanceof CloudError ? this.#withoutToken(error) : error;
    }
  }

  /** After any failure of Keystone the caller's request to the service was not sent. */
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
