/** Options of the client of the cloud, with their defaults: those of HTTP requests, and Nova's. */
import { DEFAULT_HTTP_OPTIONS, type HttpOptions } from '#openstack/http/options.ts';
import type { Microversion } from './microversion.ts';

export interface ClientOptions extends HttpOptions {
  /** `callTimeoutMs` of calls that list, which may have many pages. */
  readonly listingTimeoutMs: number;
  /** Entries of a requested page; undefined leaves it to Nova (its `max_limit`, 1000 by default). */
  readonly pageSize: number | undefined;
  /** Name of Nova in the catalogue. */
  readonly serviceType: string;
  /** The highest microversion to use with Nova; undefined: the highest that both sides know. */
  readonly microversionLimit: Microversion | undefined;
}

export const DEFAULT_OPTIONS: ClientOptions = {
  ...DEFAULT_HTTP_OPTIONS,
  listingTimeoutMs: 300_000,
  pageSize: undefined,
  serviceType: 'compute',
  microversionLimit: undefined,
};
