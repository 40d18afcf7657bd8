/** One request over HTTP, bounded in time and in what is read of the answer. */
import { readFileSync } from 'node:fs';
import { Agent } from 'undici';
import type { Credentials } from '#config/clouds.ts';

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

export function httpClient({ caFile, verify }: Credentials, timeoutMs: number): HttpClient {
  const ca = caFile === undefined ? {} : { ca: readFileSync(caFile) };
  const agent = new Agent({
    connect: { ...ca, rejectUnauthorized: verify === 'certificates', timeout: timeoutMs },
    // Shorter than the 5 s after which Apache drops an idle connection.
    keepAliveTimeout: 4_000,
    maxResponseSize: MAX_ANSWER_BYTES,
  });
  return {
    async ask({ method, url, headers, body }) {
      const answer = await agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
    },
    close: () => agent.destroy(),
  };
}
