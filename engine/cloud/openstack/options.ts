/** What can be set of the client, with the values it works with when nothing is. */
import { type Clock, realClock } from '../../clock/clock.ts';
import type { Microversion } from './microversion.ts';

export interface ClientOptions {
  /** Upper bound of making a connection: name, TCP and TLS. */
  readonly connectTimeoutMs: number;
  /** Upper bound of one request, from the wish for a connection to the last byte of the answer. */
  readonly requestTimeoutMs: number;
  /** Upper bound of a whole call of the `Cloud`: waiting for a turn, a token, all tries. */
  readonly callTimeoutMs: number;
  /** The same for calls that list, whose pages can be many. */
  readonly listingTimeoutMs: number;
  /** Requests at the same time, and so connections to each of Keystone and Nova. */
  readonly connections: number;
  /** Tries of one request, the first included. */
  readonly tries: number;
  /** The wait before try n+1 is random between 0 and `backoffMs` · 2ⁿ⁻¹, and no longer than `backoffMaxMs`. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** A longer `Retry-After` is left to the caller. */
  readonly retryAfterMaxMs: number;
  /** A body beyond this size is not read on. A thousand servers with all details are 3 to 5 MB. */
  readonly bodyMaxBytes: number;
  /** Entries of a page that is asked for; undefined leaves it to Nova (its `max_limit`, 1000 as shipped). */
  readonly pageSize: number | undefined;
  /** What the catalogue calls Nova. */
  readonly serviceType: string;
  /** The highest microversion to use with Nova; undefined leaves it to the versions that both sides know. */
  readonly microversionLimit: Microversion | undefined;
  readonly clock: Pick<Clock, 'boottime' | 'sleep'>;
  /** 0 ≤ random() < 1, for the jitter. */
  readonly random: () => number;
}

export const DEFAULT_OPTIONS: ClientOptions = {
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 60_000,
  callTimeoutMs: 120_000,
  listingTimeoutMs: 300_000,
  connections: 16,
  tries: 4,
  backoffMs: 500,
  backoffMaxMs: 8_000,
  retryAfterMaxMs: 30_000,
  bodyMaxBytes: 64 * 1024 * 1024,
  pageSize: undefined,
  serviceType: 'compute',
  microversionLimit: undefined,
  clock: realClock,
  random: Math.random,
};

/** One line about what the client did; never a secret. */
export type Log = (level: 'debug' | 'info' | 'warn', message: string) => void;
