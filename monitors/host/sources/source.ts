/** The facts of a source about a host, and the interface of a source. The state machine decides; a source only reads. */
import type { SourceName } from '#config/options/host-sources.ts';
import type { EngineOptions } from '#config/options/options.ts';
import type { Log } from '#protocol/log.ts';

/** Networks of Masakari's health matrix. */
export const NETWORKS = ['management', 'tenant', 'storage'] as const;
export type Network = (typeof NETWORKS)[number];

/**
 * Why a host cannot be writing any more. `fenced`: Pacemaker fenced it, with quorum, after it was lost; `power off`: its
 * BMC reports that it has no power; `operator`: a person confirmed it.
 */
export type Proof = 'fenced' | 'power off' | 'operator';

export interface Fact {
  /** The source of the fact. For a source, a host and a network only the newest fact counts. */
  readonly source: SourceName;
  /** The name in Nova; the source maps names. */
  readonly host: string;
  /** The network on which the source has it, for sources that distinguish networks. */
  readonly network?: Network;
  /**
   * `leaving`: it shuts down in order (graceful stop, standby, maintenance), which never starts a recovery.
   * `unknown`: the source was read and has no state, e.g. without quorum.
   */
  readonly state: 'up' | 'down' | 'leaving' | 'unknown';
  readonly proof?: Proof;
  /** The source could not read this host, `detail` has the reason. Left out otherwise. */
  readonly isUnreadable?: boolean;
  /** The options name this host for the source, and the source does not list it. Left out otherwise. */
  readonly isUnlisted?: boolean;
  /**
   * When the host was fenced with success according to the source's history, even if it is back since; milliseconds UTC.
   * Left out when the source has no history, or cannot read it at the moment.
   */
  readonly fencings?: readonly number[];
  /** When the source read it, milliseconds UTC. */
  readonly at: number;
  /** The source's text, for the log and for `--once`. */
  readonly detail: string;
}

export interface Source {
  readonly name: SourceName;
  /** Polls everything once; throws if nothing can be read. */
  poll(signal: AbortSignal): Promise<readonly Fact[]>;
  /**
   * Reports changes between polls, until the signal; resolves then. Sources that only respond to polls have none.
   * Never throws: errors are logged and retried.
   */
  follow?(report: (facts: readonly Fact[]) => void, log: Log, signal: AbortSignal): Promise<void>;
}

/** What the file of a source exports: how a source of this kind is made of the options. */
export interface SourceKind<Group extends keyof EngineOptions = keyof EngineOptions> {
  readonly name: SourceName;
  /** The groups of options that it uses, see config/options/options.ts. */
  readonly groups: readonly Group[];
  /** Throws if an option is invalid. */
  create(options: Pick<EngineOptions, Group>, node: string): Promise<Source>;
}
