/** Behaviour of the simulated cloud: times, probabilities, and known habits of Nova. */
import type { Random } from './random.ts';

/** Times in ms, probabilities 0–1 for each call that changes something. */
export interface Behaviour {
  /** From an accepted evacuation to the arrival, between the two. */
  readonly rebuildMs: readonly [number, number];
  /** From an accepted evacuation until its record names the destination (`pre-migrating`); null: only at the arrival. */
  readonly claimMs: number | null;
  readonly powerMs: number;
  /** The request is lost in transit: it has no effect. */
  readonly lostRequests: number;
  /** The response is lost: the request had its effect. */
  readonly lostReplies: number;
  /** From the effect of a request to its response. */
  readonly responseMs: number;
  /** Nothing of the cloud responds. */
  readonly isAway: boolean;
  /** The request for an evacuation waits in a queue: its response does not arrive, and it takes effect `lateMs` later. */
  readonly lateEvacuations: number;
  readonly lateMs: readonly [number, number];
  /** An evacuation ends in error, as after a conflict in Placement. */
  readonly failedEvacuations: number;
  /** From an accepted migration to the arrival, between the two. */
  readonly migrationMs: readonly [number, number];
  /** A migration fails: the instance stays on its host, after a cold one in error. */
  readonly failedMigrations: number;
  /** A migration arrives although its source failed meanwhile. Otherwise its record and its task state stay for ever. */
  readonly migrationsOutliveSource: boolean;
  /** After this time Nova confirms a cold migration by itself (its option resize_confirm_window); null: never. */
  readonly confirmsAfterMs: number | null;
  /** From the return of a host until its nova-compute has cleaned up the evacuated instances, and accepts requests. */
  readonly computeStartMs: number;
  /** nova-compute of a host that returns stops every instance that is active there for Nova and was off since the failure. */
  readonly powerSync: boolean;
  /** Services of which none reports: `nova-scheduler`, `nova-conductor`. */
  readonly deadServices: readonly string[];
  /** Listings of instances ignore the host, as for a role without servers:allow_all_filters. */
  readonly foreignListing: boolean;
}

export const CALM: Behaviour = {
  rebuildMs: [1500, 4000],
  claimMs: null,
  powerMs: 500,
  lostRequests: 0,
  lostReplies: 0,
  responseMs: 0,
  isAway: false,
  lateEvacuations: 0,
  lateMs: [500, 8000],
  failedEvacuations: 0,
  migrationMs: [1500, 4000],
  failedMigrations: 0,
  migrationsOutliveSource: true,
  confirmsAfterMs: null,
  computeStartMs: 3000,
  powerSync: false,
  deadServices: [],
  foreignListing: false,
};

/** What all parts of a simulated cloud share. */
export interface Surroundings {
  readonly random: Random;
  readonly behaviour: Behaviour;
  now(): number;
  /** Schedules an event after this time. */
  later(ms: number, happen: () => void): void;
}
