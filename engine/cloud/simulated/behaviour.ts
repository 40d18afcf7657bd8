/** How the simulated cloud behaves: times, chances, and which of Nova's known habits it has. */
import type { Random } from './random.ts';

/** Times in ms, chances 0–1 for each call that changes something. */
export interface Behaviour {
  /** From an accepted evacuation to the arrival, between the two. */
  readonly rebuildMs: readonly [number, number];
  /** From an accepted evacuation until its record names the destination (`pre-migrating`); null: only at the arrival. */
  readonly claimMs: number | null;
  readonly powerMs: number;
  /** The request gets lost on the way: nothing happens. */
  readonly lostRequests: number;
  /** The reply gets lost: it happened. */
  readonly lostReplies: number;
  /** Nothing of the cloud answers. */
  readonly isAway: boolean;
  /** The request for an evacuation sits in a queue: its answer does not come, and it happens `lateMs` later. */
  readonly lateEvacuations: number;
  readonly lateMs: readonly [number, number];
  /** An evacuation ends in error, as after a conflict in Placement. */
  readonly failedEvacuations: number;
  /** From an accepted migration to the arrival, between the two. */
  readonly migrationMs: readonly [number, number];
  /** A migration does not succeed: the instance stays where it is, after a cold one in error. */
  readonly failedMigrations: number;
  /** A migration arrives although its source died meanwhile. Otherwise its record and its task state stay for ever. */
  readonly migrationsOutliveSource: boolean;
  /** After so long Nova confirms a cold migration by itself (its option resize_confirm_window); null: never. */
  readonly confirmsAfterMs: number | null;
  /** From the return of a host until its nova-compute has cleaned up what was evacuated, and takes orders. */
  readonly computeStartMs: number;
  /** nova-compute of a host that returns stops every instance that is active there for Nova and was off since the death. */
  readonly powerSync: boolean;
  /** Listings of instances ignore the host, as for a role without servers:allow_all_filters. */
  readonly foreignListing: boolean;
}

export const CALM: Behaviour = {
  rebuildMs: [1500, 4000],
  claimMs: null,
  powerMs: 500,
  lostRequests: 0,
  lostReplies: 0,
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
  foreignListing: false,
};

/** What all parts of a simulated cloud share. */
export interface Surroundings {
  readonly random: Random;
  readonly behaviour: Behaviour;
  now(): number;
  /** Lets something happen after this time. */
  later(ms: number, happen: () => void): void;
}
