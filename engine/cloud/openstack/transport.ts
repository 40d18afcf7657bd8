/**
 * One HTTP request over a pool of kept connections, and what became of it.
 *
 * Invariants: a request is written to a socket at most once. `not_sent` and `stale` mean that none of its bytes left;
 * `lost` means that some may have. Nothing here waits longer than `requestTimeoutMs` or the caller's deadline.
 */
import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, type Dispatcher } from 'undici';
import type { Deadline } from './deadline.ts';
import type { ClientOptions } from './options.ts';

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

export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Outcome =
  | Answer
  /** No byte left: no connection, no time. */
  | { readonly kind: 'not_sent'; readonly why: unknown }
  /** No byte left, because `mayLeave` said no. */
  | { readonly kind: 'stale' }
  /** It left, or may have, and the answer did not arrive whole. */
  | { readonly kind: 'lost'; readonly why: unknown }
  /** It left, and the answer is larger than anything sensible. */
  | { readonly kind: 'oversized'; readonly bytes: number };

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
    const exchange = new Exchange(request, this.#options.bodyMaxBytes, resolve, () => {
      this.#calls[service] += 1;
    });
    const { requestTimeoutMs } = this.#options;
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

/** Hears from undici what happens to one request. The first outcome counts. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: Request;
  readonly #maxBytes: number;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #left: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #bytes = 0;
  readonly #chunks: Buffer[] = [];

  constructor(request: Request, maxBytes: number, resolve: (outcome: Outcome) => void, left: () => void) {
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#resolve = resolve;
    this.#left = left;
  }

  /** Ends it from outside. What still waits for a connection will not be written any more. */
  end(why: unknown): void {
    this.#settle({ kind: this.#controller === undefined ? 'not_sent' : 'lost', why });
  }

  /** undici calls this synchronously before it writes the request line (lib/dispatcher/client-h1.js, `writeH1`). */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    // undici may put a request in line again when its connection closes; that one was written already.
    if (this.#controller !== undefined) this.end(new Error('the connection closed'));
    else if (this.#request.mayLeave?.() === false) this.#settle({ kind: 'stale' });
    if (this.#settled) {
      controller.abort(new Error('must not be written'));
      return;
    }
    this.#controller = controller;
    this.#left();
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) this.#settle({ kind: 'oversized', bytes: this.#maxBytes });
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const body = Buffer.concat(this.#chunks).toString('utf8');
    this.#settle({ kind: 'answer', status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.end(error);
  }

  #settle(outcome: Outcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#chunks.length = 0;
    this.#resolve(outcome);
    if (outcome.kind === 'lost' || outcome.kind === 'oversized') this.#controller?.abort(new Error('given up'));
  }
}
