/**
 * Short questions to one HTTP server, answered in JSON.
 *
 * Invariant: bounded in time and bytes, follows no redirect (it would carry the password elsewhere), and no error holds a header or
 * a body.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request as send } from 'undici';

const MAX_HEADER_BYTES = 16 * 1024;

export interface HttpClientOptions {
  /** `https://HOST:PORT`. */
  readonly origin: string;
  /** Upper bound of each request, from its first byte to the last of the answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly tls?: { readonly ca?: string; readonly servername?: string };
  /** Upper bound of an answer; a megabyte unless told otherwise. */
  readonly maxBytes?: number;
}

export interface JsonAnswer {
  readonly headers: IncomingHttpHeaders;
  /** Parsed; undefined where the answer is empty. */
  readonly body: unknown;
}

export class HttpClient implements AsyncDisposable {
  readonly #options: HttpClientOptions;
  readonly #agent: Agent;

  constructor(options: HttpClientOptions) {
    const { timeoutMs, tls = {}, maxBytes = 1_048_576 } = options;
    this.#options = options;
    this.#agent = new Agent({
      connections: 1,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      maxResponseSize: maxBytes,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: { ...tls, rejectUnauthorized: true, timeout: timeoutMs },
    });
  }

  /** Throws unless the answer is a success. */
  async request(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: unknown,
  ): Promise<JsonAnswer> {
    const { origin, timeoutMs } = this.#options;
    const content = body === undefined ? {} : { 'content-type': 'application/json' };
    try {
      const answer = await send(`${origin}${path}`, {
        dispatcher: this.#agent,
        method,
        headers: { accept: 'application/json', ...content, ...headers },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.any([this.#options.signal, AbortSignal.timeout(timeoutMs)]),
      });
      const text = await answer.body.text();
      if (answer.statusCode < 200 || answer.statusCode > 299) throw new StatusError(answer.statusCode);
      return { headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
    } catch (cause) {
      const message = `${method} ${origin}${path}: ${explain(cause, timeoutMs)}`;
      // What JSON.parse throws holds a piece of the body.
      throw cause instanceof SyntaxError ? new Error(message) : new Error(message, { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

class StatusError extends Error {
  constructor(status: number) {
    const hint = status === 401 || status === 403 ? '; check user and password' : '';
    super(`answered with ${status}${hint}`);
  }
}

function explain(cause: unknown, timeoutMs: number): string {
  if (cause instanceof SyntaxError) return 'the answer is no JSON';
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  return cause.message;
}
