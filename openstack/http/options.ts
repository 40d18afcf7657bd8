/** Options of HTTP requests, with their defaults. */
import { type Clock, realClock } from '#protocol/clock.ts';

export interface HttpOptions {
  /** Maximum time of making a connection: name, TCP and TLS. */
  readonly connectTimeoutMs: number;
  /** Maximum time of one request, from the request for a connection to the last byte of the response. */
  readonly requestTimeoutMs: number;
  /** Maximum time of a whole call of the `Cloud`: waiting for a permit, a token, all attempts. */
  readonly callTimeoutMs: number;
  /** Requests at the same time, and so connections to each of Keystone and Nova. */
  readonly connections: number;
  /** Attempts of one request, the first included. */
  readonly tries: number;
  /** The wait before attempt n+1 is random between 0 and `backoffMs` · 2ⁿ⁻¹, and no longer than `backoffMaxMs`. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** A longer `Retry-After` is left to the caller. */
  readonly retryAfterMaxMs: number;
  /** Reading of a body stops at this size. A thousand servers with all details are 3 to 5 MB. */
  readonly bodyMaxBytes: number;
  readonly clock: Pick<Clock, 'boottime' | 'sleep'>;
  /** 0 ≤ random() < 1, for the jitter. */
  readonly random: () => number;
}

export const DEFAULT_HTTP_OPTIONS: HttpOptions = {
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 60_000,
  callTimeoutMs: 120_000,
  connections: 16,
  tries: 4,
  backoffMs: 500,
  backoffMaxMs: 8_000,
  retryAfterMaxMs: 30_000,
  bodyMaxBytes: 64 * 1024 * 1024,
  clock: realClock,
  random: Math.random,
};

/** One line about an action of the client; never a secret. */
export type Log = (level: 'debug' | 'info' | 'warn', message: string) => void;
