/** One request over HTTP, bounded in time and in what is read of the answer. */
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { Connections } from '#config/clouds.ts';
import { proxyFor } from '#config/proxy.ts';
import { readTlsFiles } from '#config/tls-files.ts';

export interface HttpRequest {
  readonly method: 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Throws when no whole answer came. */
export type Ask = (request: HttpRequest) => Promise<HttpAnswer>;

/** The catalog of a large cloud comes with each token. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export interface HttpClient {
  readonly ask: Ask;
  close(): Promise<void>;
}

/** Makes no connection. Throws where a file of the connection cannot be used. */
export function httpClient(connections: Connections, timeoutMs: number): HttpClient {
  const options = optionsOf(connections, timeoutMs);
  /** By the proxy through which they connect; the empty text stands for none. */
  const dispatchers = new Map<string, Dispatcher>();
  const dispatcherFor = (url: URL): Dispatcher => {
    const proxy = proxyFor(url, connections.proxies ?? {})?.url.href ?? '';
    const known = dispatchers.get(proxy);
    if (known !== undefined) return known;
    const made = proxy === '' ? new Agent(options) : through(proxy, options);
    dispatchers.set(proxy, made);
    return made;
  };
  return {
    async ask({ method, url, headers, body }) {
      const answer = await dispatcherFor(url).request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
    },
    close: async () => {
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

type Options = ReturnType<typeof optionsOf>;

function optionsOf(connections: Connections, timeoutMs: number) {
  const { verify, family } = connections;
  return {
    connect: {
      ...readTlsFiles(connections),
      ...(family === undefined ? {} : { family }),
      rejectUnauthorized: verify === 'certificates',
      timeout: timeoutMs,
    },
    // Shorter than the 5 s after which Apache drops an idle connection.
    keepAliveTimeout: 4_000,
    maxResponseSize: MAX_ANSWER_BYTES,
  };
}

function through(proxy: string, { connect, ...options }: Options): Dispatcher {
  // The certificate is for the cloud, not for the proxy.
  const { cert, key, ...proxyTls } = connect;
  return new ProxyAgent({ ...options, uri: proxy, proxyTunnel: false, requestTls: connect, proxyTls });
}
