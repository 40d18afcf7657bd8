/** What a source says of a host, and what a source is. The state machine weighs facts; a source only sees. */
import type { Log } from '#protocol/log.ts';

/** Networks of Masakari's health matrix. */
export const NETWORKS = ['management', 'tenant', 'storage'] as const;
export type Network = (typeof NETWORKS)[number];

/**
 * Why a host cannot be writing any more. `fenced`: Pacemaker fenced it, with quorum, after it was lost; `power off`: its
 * management board says that it has no power; `operator`: a person confirmed it.
 */
export type Proof = 'fenced' | 'power off' | 'operator';

export interface Fact {
  /** The source that says so: one fact of a source, a host and a network at a time, the newest counts. */
  readonly source: 'pacemaker' | 'ping' | 'ipmi' | 'redfish' | 'heartbeat' | 'consul';
  /** As Nova has it; names are matched by the source. */
  readonly host: string;
  /** Where the source sees it, for sources that tell networks apart. */
  readonly network?: Network;
  /**
   * `leaving`: it goes down in order (graceful stop, standby, maintenance), which never begins a recovery.
   * `unknown`: the source looked and cannot tell, e.g. without quorum.
   */
  readonly says: 'up' | 'down' | 'leaving' | 'unknown';
  readonly proof?: Proof;
  /** The source could not read this host, `detail` has the reason. Left out otherwise. */
  readonly isUnreadable?: boolean;
  /**
   * When the host was fenced with success, as the source's history has it, whether or not it came back since; milliseconds UTC.
   * Left out when the source has no history, or cannot read it at the moment.
   */
  readonly fencings?: readonly number[];
  /** When the source saw it, milliseconds UTC. */
  readonly at: number;
  /** For the log and for `--once`: in the words of the source. */
  readonly detail: string;
}

export interface Source {
  readonly name: Fact['source'];
  /** One look at everything; throws when nothing can be seen. */
  look(signal: AbortSignal): Promise<readonly Fact[]>;
  /**
   * Tells what it learns between looks, until the signal; resolves then. Sources that only answer when asked have none.
   * Never throws: what goes wrong is logged and tried again.
   */
  follow?(tell: (facts: readonly Fact[]) => void, log: Log, signal: AbortSignal): Promise<void>;
}
