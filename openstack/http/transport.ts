/**
 * One HTTP request over a pool of kept connections, and what became of it.
 *
 * Invariants: a request is written to a socket at most once. `not_sent` and `stale` mean that none of its bytes left;
 * `lost` means that some may have. Nothing here waits longer than `requestTimeoutMs` or the caller's deadline.
 */
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { Connections } from '#config/clouds.ts';
import { proxyFor } from '#config/proxy.ts';
import { readTlsFiles, type TlsFiles } from '#config/tls-files.ts';
import { Exchange, type Outcome } from '../../http/exchange.ts';
import type { Deadline } from './deadline.ts';
import type { ClientOptions, Log } from './options.ts';

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

/** Shorter than the 5 s after which Apache drops an idle connection, so that we seldom write into a closed one. */
const KEEP_ALIVE_MS = 4_000;

export class Transport {
  readonly #connections: Connections;
  readonly #options: ClientOptions;
  readonly #userAgent: string;
  readonly #log: Log;
  readonly #calls = { identity: 0, compute: 0, workflow: 0 };
  /** By the proxy through which they connect; the empty text stands for none. */
  readonly #dispatchers = new Map<string, Dispatcher>();
  #files: TlsFiles | undefined;
  #closed = false;

  constructor(connections: Connections, options: ClientOptions, userAgent: string, log: Log) {
    this.#connections = connections;
    this.#options = options;
    this.#userAgent = userAgent;
    this.#log = log;
  }

  /** Requests that went out. */
  get calls(): Readonly<Record<Service, number>> {
    return { ...this.#calls };
  }

  /** Does not throw: what went wrong is part of the outcome. */
  async exchange(request: Request, deadline: Deadline): Promise<Outcome> {
    if (this.#closed) return { kind: 'not_sent', why: new Error('the client is closed') };
    let dispatcher: Dispatcher;
    try {
      dispatcher = this.#dispatcher(request.url);
    } catch (why) {
      return { kind: 'not_sent', why };
    }
    return this.#send(dispatcher, request, deadline);
  }

  /** Lets requests that are under way end. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.close()));
  }

  /** Throws where a file or a proxy cannot be used. */
  #dispatcher(url: URL): Dispatcher {
    const proxy = proxyFor(url, this.#connections.proxies);
    const name = proxy?.url.href ?? '';
    let dispatcher = this.#dispatchers.get(name);
    if (dispatcher === undefined) {
      dispatcher = proxy === undefined ? new Agent(this.#pool()) : this.#through(proxy.url);
      this.#dispatchers.set(name, dispatcher);
      if (proxy) this.#log('info', `requests to ${url.origin} use the proxy ${proxy.url.origin} of ${proxy.variable}`);
    }
    return dispatcher;
  }

  #pool(): Pool.Options {
    const { requestTimeoutMs, connections } = this.#options;
    return {
      connections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: requestTimeoutMs,
      bodyTimeout: requestTimeoutMs,
      connect: this.#connect(),
    };
  }

  /** Requests with TLS go through a tunnel; others are forwarded, since proxies seldom allow tunnels to other ports than 443. */
  #through(proxy: URL): Dispatcher {
    const { connect: _, ...pool } = this.#pool();
    // The certificate is for the cloud, not for the proxy.
    const { cert, key, ...proxyTls } = this.#connect();
    return new ProxyAgent({
      ...pool,
      uri: proxy.href,
      proxyTunnel: false,
      requestTls: this.#connect(),
      proxyTls,
      factory: (origin, options) => new Pool(origin, { ...pool, ...options }),
    });
  }

  #connect() {
    const { verify, family } = this.#connections;
    this.#files ??= readTlsFiles(this.#connections);
    return {
      ...this.#files,
      ...(family === undefined ? {} : { family }),
      rejectUnauthorized: verify === 'certificates',
      timeout: this.#options.connectTimeoutMs,
    };
  }

  #send(dispatcher: Dispatcher, request: Request, deadline: Deadline): Promise<Outcome> {
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
      dispatcher.dispatch({ origin: url.origin, path: url.pathname + url.search, method, headers, body }, exchange);
    } catch (why) {
      exchange.end(why);
    }
    return promise.finally(() => {
      clearTimeout(timer);
      forget();
    });
  }
}
