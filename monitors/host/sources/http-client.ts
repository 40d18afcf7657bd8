/**
 * Short requests to one HTTP server whose responses are JSON.
 *
 * Invariant: requests are bounded in time and bytes and never leave their origin, and no error contains a header or a body. Of an error
 * body only identifiers of Redfish messages are shown.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Agent } from 'undici';
import { endedBy, exchangeRaw } from '#openstack/http/exchange.ts';
import { ACCEPTED_ENCODINGS, decodeBody } from './http-decoding.ts';
import { decideRedirect, isRedirect } from './redfish/redirect-decision.ts';

const MAX_HEADER_BYTES = 16 * 1024;

export interface HttpClientOptions {
  /** `https://HOST:PORT`. */
  readonly origin: string;
  /** Upper bound of each request with its redirect, from its first byte to the last of the response. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly tls?: { readonly ca?: string; readonly servername?: string };
  /** Upper bound of a response, as received and as decoded; a megabyte unless set. */
  readonly maxBytes?: number;
  /** `same-origin`: one redirect of a request is followed with the same method and headers. Refused unless set. */
  readonly redirects?: 'refused' | 'same-origin';
}

export interface JsonAnswer {
  readonly headers: IncomingHttpHeaders;
  /** Parsed; undefined where the response is empty. */
  readonly body: unknown;
  /** Path and query that responded: the redirect's where one was followed. */
  readonly path: string;
}

type Method = 'GET' | 'POST' | 'DELETE';

interface RawAnswer extends Omit<JsonAnswer, 'body'> {
  readonly status: number;
  readonly text: string;
}

/** A response that is no success. */
export class StatusError extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    const hint = { 401: '; check user and password', 403: '; check the rights of the user' }[status] ?? '';
    const ids = messageIdsIn(text);
    super(`returned HTTP ${status}${ids === '' ? '' : ` (${ids})`}${hint}`);
    this.status = status;
  }
}

/** The status of a failed request; undefined if there was no response. */
export function statusOf(error: unknown): number | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof StatusError ? cause.status : undefined;
}

export class HttpClient implements AsyncDisposable {
  readonly #options: HttpClientOptions;
  readonly #agent: Agent;
  readonly #maxBytes: number;

  constructor(options: HttpClientOptions) {
    const { timeoutMs, tls = {}, maxBytes = 1_048_576 } = options;
    this.#options = options;
    this.#maxBytes = maxBytes;
    this.#agent = new Agent({
      connections: 1,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      maxResponseSize: maxBytes,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: { ...tls, rejectUnauthorized: true, minVersion: 'TLSv1.2', timeout: timeoutMs },
    });
  }

  /**
   * Throws unless the response is a success; the cause is a StatusError if there was a response.
   * @param signal instead of the client's: for a request that must be sent after the work was aborted
   */
  async request(
    method: Method,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: unknown,
    signal: AbortSignal = this.#options.signal,
  ): Promise<JsonAnswer> {
    const { origin, timeoutMs } = this.#options;
    const content = body === undefined ? null : JSON.stringify(body);
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const once = (target: URL, more: Readonly<Record<string, string>>) =>
      this.#send(method, target, { ...headers, ...more }, content, bounded);
    try {
      const url = new URL(`${origin}${path}`);
      let answer = await this.#follow(url, (target) => once(target, {}));
      // A service that cannot respond in an accepted form may be able to in any other.
      if (answer.status === 406 && method === 'GET') {
        const anything = { accept: '*/*', 'accept-encoding': 'identity' };
        answer = await this.#follow(url, (target) => once(target, anything));
      }
      if (answer.status < 200 || answer.status > 299) throw new StatusError(answer.status, answer.text);
      const parsed = answer.text.trim() === '' ? undefined : JSON.parse(answer.text);
      return { headers: answer.headers, path: answer.path, body: parsed };
    } catch (cause) {
      const message = `${method} ${origin}${path}: ${explain(cause, timeoutMs)}`;
      // The error of JSON.parse contains a part of the body.
      throw cause instanceof SyntaxError ? new Error(message) : new Error(message, { cause });
    }
  }

  async #follow(url: URL, once: (url: URL) => Promise<RawAnswer>): Promise<RawAnswer> {
    const answer = await once(url);
    if (!isRedirect(answer.status) || this.#options.redirects !== 'same-origin') return answer;
    const decision = decideRedirect(answer.status, url, answer.headers.location);
    if ('refused' in decision) throw new Error(decision.refused);
    const second = await once(decision.url);
    if (isRedirect(second.status)) throw new Error(`second redirect (${second.status}) refused`);
    return second;
  }

  async #send(
    method: Method,
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: string | null,
    signal: AbortSignal,
  ): Promise<RawAnswer> {
    const content = body === null ? {} : { 'content-type': 'application/json' };
    const request = {
      method,
      url,
      headers: { accept: 'application/json', 'accept-encoding': ACCEPTED_ENCODINGS, ...content, ...headers },
      body,
    };
    const onEnd = endedBy(signal, () => signal.reason);
    const outcome = await exchangeRaw(this.#agent, request, { maxBytes: this.#maxBytes, onEnd });
    switch (outcome.kind) {
      case 'answer': {
        const { status, headers: received } = outcome;
        const text = await textOf(status, outcome.body, received['content-encoding'], this.#maxBytes);
        return { status, headers: received, path: `${url.pathname}${url.search}`, text };
      }
      case 'oversized':
        throw new Error(`the response is larger than ${this.#maxBytes} bytes`);
      case 'stale':
        throw new Error('the request was not sent');
      default:
        throw outcome.why;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

/** The status of a failed response counts, for any body. A byte order mark is dropped. */
async function textOf(status: number, received: Buffer, encoding: unknown, maxBytes: number): Promise<string> {
  try {
    return new TextDecoder().decode(await decodeBody(received, encoding, maxBytes));
  } catch (error) {
    if (status >= 200 && status <= 299) throw error;
    return '';
  }
}

/** Identifiers as `Base.1.8.SessionLimitExceeded`, at most three. Source: DSP0266, error responses. */
function messageIdsIn(text: string): string {
  const ids = Array.from(text.matchAll(/"MessageId"\s*:\s*"([A-Za-z][A-Za-z0-9._]{0,79})"/g), (match) => match[1]);
  return [...new Set(ids)].slice(0, 3).join(', ');
}

const TLS_REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the server has no TLS 1.2 or newer; update its firmware',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the server has no TLS 1.2 or newer; update its firmware',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not use TLS on this port; check the port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server does not use TLS on this port; check the port',
};

function explain(cause: unknown, timeoutMs: number): string {
  if (cause instanceof SyntaxError) return 'the response is not JSON';
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return `timed out after ${timeoutMs / 1000} s`;
  const code = 'code' in cause ? String(cause.code) : '';
  const reason = Object.hasOwn(TLS_REASONS, code) ? TLS_REASONS[code] : undefined;
  return reason ?? cause.message;
}
