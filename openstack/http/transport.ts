/**
 * One HTTP request over a pool of kept connections, and its outcome.
 *
 * Invariants: a request is written to a socket at most once. `not_sent` and `stale` mean that no byte of it was sent; `lost` means that
 * some may have been sent. Nothing here waits longer than `requestTimeoutMs` or the caller's deadline.
 */
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { Connections, ServiceName } from '#config/clouds/clouds.ts';
import { proxyFor } from '#config/clouds/proxy.ts';
import { readTlsFiles, type TlsFiles } from '#config/clouds/tls-files.ts';
import type { Deadline } from './deadline.ts';
import { type ExchangeBounds, exchange, type Outcome } from './exchange.ts';
import type { HttpOptions, Log } from './options.ts';

export interface Request {
  readonly service: ServiceName;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Called immediately before the first byte is written; on false nothing is written. */
  readonly mayLeave?: () => boolean;
}

/** Shorter than the 5 s after which Apache drops an idle connection, so that we seldom write into a closed one. */
const KEEP_ALIVE_MS = 4_000;

export class Transport {
  readonly #connections: Connections;
  readonly #options: HttpOptions;
  readonly #userAgent: string;
  readonly #log: Log;
  readonly #calls = { identity: 0, compute: 0, workflow: 0, 'instance-ha': 0 };
  /** By the proxy of the connections; the empty text means none. */
  readonly #dispatchers = new Map<string, Dispatcher>();
  #files: TlsFiles | undefined;
  #closed = false;

  constructor(connections: Connections, options: HttpOptions, userAgent: string, log: Log) {
    this.#connections = connections;
    this.#options = options;
    this.#userAgent = userAgent;
    this.#log = log;
  }

  /** Requests that were sent. */
  get calls(): Readonly<Record<ServiceName, number>> {
    return { ...this.#calls };
  }

  /** Does not throw: an error is part of the outcome. */
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

  /** Lets requests in progress end. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.close()));
  }

  /** Throws if a file or a proxy cannot be used. */
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

  /** Requests with TLS use a tunnel; others are forwarded, since proxies seldom allow tunnels to other ports than 443. */
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
    const { service, method, url, mayLeave, body = null } = request;
    const { requestTimeoutMs: timeoutMs, bodyMaxBytes: maxBytes } = this.#options;
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': this.#userAgent,
      ...request.headers,
    };
    if (body !== null) headers['content-type'] ??= 'application/json';
    const onLeave = (): void => {
      this.#calls[service] += 1;
    };
    const onEnd: ExchangeBounds['onEnd'] = (end) => deadline.onEnd(() => end(new Error(deadline.explanation())));
    return exchange(dispatcher, { method, url, headers, body }, { mayLeave, maxBytes, onLeave, timeoutMs, onEnd });
  }
}
