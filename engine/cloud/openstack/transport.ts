/**
 * One HTTP request over a pool of kept connections, and what became of it.
 *
 * Invariants: a request is written to a socket at most once. `not_sent` and `stale` mean that none of its bytes left;
 * `lost` means that some may have. Nothing here waits longer than `requestTimeoutMs` or the caller's deadline.
 */
import { readFile } from 'node:fs/promises';
import { Agent } from 'undici';
import { Exchange, type Outcome } from '../../http/exchange.ts';
import type { Deadline } from './deadline.ts';
import type { ClientOptions } from './options.ts';

export type { Answer, Outcome } from '../../http/exchange.ts';

export type Service = 'identity' | 'compute' | 'workflow';

export interface Request {
  readonly service: Service;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Asked in the moment before the first byte is written; on false nothing is. */
  readonly mayLeave?: () => boolean;
}

export interface TlsSettings {
  readonly caFile: string | undefined;
  readonly verify: 'certificates' | 'nothing';
}

/** Shorter than the 5 s after which Apache drops an idle connection, so that we seldom write into a closed one. */
const KEEP_ALIVE_MS = 4_000;

export class Transport {
  readonly #tls: TlsSettings;
  readonly #options: ClientOptions;
  readonly #userAgent: string;
  readonly #calls = { identity: 0, compute: 0, workflow: 0 };
  #agent: Promise<Agent> | undefined;
  #closed = false;

  constructor(tls: TlsSettings, options: ClientOptions, userAgent: string) {
    this.#tls = tls;
    this.#options = options;
    this.#userAgent = userAgent;
  }

  /** Requests that went out. */
  get calls(): Readonly<Record<Service, number>> {
    return { ...this.#calls };
  }

  /** Does not throw: what went wrong is part of the outcome. */
  async exchange(request: Request, deadline: Deadline): Promise<Outcome> {
    if (this.#closed) return { kind: 'not_sent', why: new Error('the client is closed') };
    let agent: Agent;
    try {
      this.#agent ??= this.#connect();
      agent = await deadline.race(this.#agent);
    } catch (why) {
      return { kind: 'not_sent', why };
    }
    return this.#send(agent, request, deadline);
  }

  /** Lets requests that are under way end. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await (await this.#agent?.catch(() => undefined))?.close();
  }

  async #connect(): Promise<Agent> {
    const { caFile, verify } = this.#tls;
    const { connectTimeoutMs, requestTimeoutMs, connections } = this.#options;
    try {
      const ca = caFile === undefined ? {} : { ca: await readFile(caFile) };
      return new Agent({
        connections,
        pipelining: 1,
        allowH2: false,
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: requestTimeoutMs,
        bodyTimeout: requestTimeoutMs,
        connect: { ...ca, rejectUnauthorized: verify === 'certificates', timeout: connectTimeoutMs },
      });
    } catch (cause) {
      this.#agent = undefined;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`the file of trusted authorities cannot be used: ${why}`, { cause });
    }
  }

  #send(agent: Agent, request: Request, deadline: Deadline): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const { service, method, url, body = null } = request;
    const { requestTimeoutMs, bodyMaxBytes: maxBytes } = this.#options;
    const onLeave = (): void => {
      this.#calls[service] += 1;
    };
    const exchange = new Exchange({ mayLeave: request.mayLeave, maxBytes, onLeave }, resolve);
    const timer = setTimeout(
      () => exchange.end(new Error(`no answer within ${requestTimeoutMs / 1000} s`)),
      requestTimeoutMs,
    );
    const forget = deadline.onEnd(() => exchange.end(new Error(deadline.explanation())));
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': this.#userAgent,
      ...request.headers,
    };
    if (body !== null) headers['content-type'] ??= 'application/json';
    try {
      agent.dispatch({ origin: url.origin, path: url.pathname + url.search, method, headers, body }, exchange);
    } catch (why) {
      exchange.end(why);
    }
    return promise.finally(() => {
      clearTimeout(timer);
      forget();
    });
  }
}
