/**
 * A gate can hold a recovery that has not started yet.
 *
 * A gate is a file `NAME-decision.ts` in this folder and a line in `gates.ts`. It is pure: facts in, decision out. A recovery that is
 * held stays open and parked with the reason; the gate decides again after an event, and at the latest after `readAgainMs`.
 */
import type { AcceptedProof, ProofKind } from '#config/options/proofs.ts';
import type { RecoveryKind } from '../journal/host-event.ts';
import type { Proof } from '../journal/rows.ts';

/** Hosts that are down, of all that Nova or a segment has. */
export interface HostShare {
  /** Hosts with an open failure, and hosts that are forced down in Nova. */
  readonly failed: number;
  readonly all: number;
}

/** Recoveries are paused by an operator. */
export interface Pause {
  /** As the audit names the operator. */
  readonly by: string;
  readonly reason: string | null;
  /** Milliseconds until the pause ends by itself; null: it ends by a command only. */
  readonly leftMs: number | null;
}

/** What a program last showed about a host. */
export interface ProofCheck {
  readonly name: string;
  readonly kind: ProofKind;
  /** `unknown`: it has no result, or it has not ended yet. */
  readonly state: 'dead' | 'alive' | 'unknown';
  readonly detail: string;
  /** Since its end, CLOCK_BOOTTIME ms. */
  readonly ageMs: number;
}

/** What is known about the death of a host. */
export interface DeathFacts {
  readonly accepted: readonly AcceptedProof[];
  /** The proof that came with the report, or an operator's word. */
  readonly reported: Proof;
  /** Of this engine; results of engines before it are not used. */
  readonly checks: readonly ProofCheck[];
  /** Time since the report, as engines measured it, ms. */
  readonly openForMs: number;
  /** 0: hosts have no watchdog. */
  readonly watchdogTimeoutMs: number;
}

/** An operator keeps a host for work on it. */
export interface Maintenance {
  /** As the audit names the operator. */
  readonly by: string;
  readonly reason: string | null;
}

export interface GateLimits {
  readonly maxFailedHostsPercent: number;
  readonly maxFailedHostsOfSegmentPercent: number;
  /** The limits on the share of hosts apply from this number of failed hosts on. */
  readonly minFailedHosts: number;
  readonly maxHosts: number;
  readonly maxHostsIntervalMs: number;
  readonly maxInstancesOfHost: number;
  readonly holdWithoutServices: boolean;
  readonly holdWithoutScheduler: boolean;
  readonly startupGraceMs: number;
}

export interface GateFacts {
  readonly kind: RecoveryKind;
  readonly host: string;
  /** The recovery of a host has called for evacuations before: a gate does not leave it half done. */
  readonly hasStarted: boolean;
  /** An operator approved it. */
  readonly isApproved: boolean;
  readonly pause: Pause | null;
  /** The name of the segment of the host if it is disabled. */
  readonly disabledSegment: string | undefined;
  readonly maintenance: Maintenance | undefined;
  /** Services that evacuations need, and of which none reports to Nova; undefined: Nova has not responded yet. */
  readonly deadServices: readonly string[] | undefined;
  /** Hosts with an open failure. */
  readonly failedHosts: number;
  /** Undefined: Nova has not responded yet. */
  readonly cloud: HostShare | undefined;
  readonly segment: (HostShare & { readonly name: string }) | undefined;
  /** Compute services that report to Nova no more, of those that are not forced down; undefined: Nova has not responded yet. */
  readonly silentServices: HostShare | undefined;
  /** How long this engine has had the lease, CLOCK_BOOTTIME ms. */
  readonly engineAgeMs: number;
  /** Time since the recoveries of other hosts started, CLOCK_BOOTTIME ms, as far as this engine knows. */
  readonly startedMsAgo: readonly number[];
  /** Failed instances of the host whose recoveries have not started, this one included. */
  readonly waitingInstances: number;
  /** Undefined if this is not the failure of a host. */
  readonly death: DeathFacts | undefined;
  readonly limits: GateLimits;
}

export type GateDecision =
  | { readonly do: 'pass' }
  /** @property reason a sentence with the value and the limit, and with the way out */
  | { readonly do: 'hold'; readonly reason: string; readonly readAgainMs: number };

export interface Gate {
  /** In reasons, log lines and documents. */
  readonly name: string;
  decide(facts: GateFacts): GateDecision;
}

export const PASS: GateDecision = { do: 'pass' };

/** Interval in which facts are read again that no event announces: services in Nova, the end of an interval. */
export const READ_AGAIN_MS = 30_000;
