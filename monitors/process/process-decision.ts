/**
 * Decides the next step for one process. Pure.
 *
 * Invariants:
 * - only a process in state `down` is restarted or reported: a process that is starting, was stopped in order, or is in an
 *   unknown state is not changed;
 * - restarts are at least the first wait apart, with at most `1 + retries` in sequence and `limit` in the window, so that
 *   there is no restart storm if a process dies often;
 * - a failure is reported once: it has ended only when the process has been up for `settleMs`.
 */
import { backoff } from '#protocol/backoff.ts';

/**
 * The state of a process. `starting`: another program is starting or stopping it; `stopped`: a person stopped it in order.
 */
export type PollState = 'up' | 'down' | 'starting' | 'stopped' | 'unknown';

export interface Limits {
  readonly retries: number;
  readonly intervalMs: number;
  readonly backoff: number;
  readonly maxIntervalMs: number;
  /** The time that a process must be down before the first restart. */
  readonly delayMs: number;
  readonly limit: number;
  readonly windowMs: number;
  readonly activationMs: number;
}

export interface Failure {
  /** `generated_time` of the report, so that a repeated report is recognized. Milliseconds UTC. */
  readonly at: number;
  readonly report: 'due' | 'made';
}

/** The stored state of one process; kept across the end of the monitor. All times in milliseconds UTC. */
export interface Standing {
  /** Restarts in sequence after which it did not stay up. */
  readonly tries: number;
  /** When our last command for it ended. */
  readonly lastTryAt?: number | undefined;
  /** The times of the restarts within the window. */
  readonly restarts: readonly number[];
  readonly upSince?: number | undefined;
  readonly downSince?: number | undefined;
  readonly startingSince?: number | undefined;
  readonly failure?: Failure | undefined;
}

export const UNKNOWN_STANDING: Standing = { tries: 0, restarts: [] };

export type Step =
  /** `lookAt`: time of the next poll, unless the state changes before; never later than needed. */
  | { readonly do: 'wait'; readonly pollAt?: number; readonly why: string }
  | { readonly do: 'restart'; readonly why: string }
  | { readonly do: 'report'; readonly failure: Failure; readonly why: string };

export interface Decision {
  readonly standing: Standing;
  readonly step: Step;
}

export function decide(before: Standing, poll: PollState, now: number, limits: Limits): Decision {
  const standing = observed(withoutFuture(before, now), poll, now, limits);
  switch (poll) {
    case 'up':
      return { standing, step: whileUp(standing, limits) };
    case 'starting': {
      const since = standing.startingSince ?? now;
      if (now - since < limits.activationMs) {
        return {
          standing,
          step: { do: 'wait', pollAt: since + limits.activationMs, why: 'it is starting or stopping' },
        };
      }
      // Its time to start by itself is over.
      return whileDown({ ...standing, downSince: since }, now, limits);
    }
    case 'down':
      return whileDown(standing, now, limits);
    case 'stopped':
      return { standing, step: { do: 'wait', why: 'it was stopped in order' } };
    case 'unknown':
      return { standing, step: { do: 'wait', why: 'its state is unknown' } };
  }
}

/** A restart starts. It is counted now, so that a restart during which the monitor itself ends is counted as well. */
export function whenRestarting(standing: Standing, now: number): Standing {
  const { tries, restarts } = standing;
  return { ...standing, lastTryAt: now, startingSince: undefined, tries: tries + 1, restarts: [...restarts, now] };
}

/** A command for it has ended, well or not: its time to start begins. */
export function afterCommand(standing: Standing, now: number): Standing {
  return { ...standing, lastTryAt: now, startingSince: undefined };
}

/** Times in the future are from before the clock was set back. They are corrected, as a wait for them could be endless. */
function withoutFuture(standing: Standing, now: number): Standing {
  const past = (time: number | undefined) => (time === undefined ? undefined : Math.min(time, now));
  return {
    ...standing,
    lastTryAt: past(standing.lastTryAt),
    upSince: past(standing.upSince),
    downSince: past(standing.downSince),
    startingSince: past(standing.startingSince),
    restarts: standing.restarts.map((time) => Math.min(time, now)),
  };
}

function observed(before: Standing, poll: PollState, now: number, limits: Limits): Standing {
  const standing = { ...before, restarts: before.restarts.filter((time) => now - time < limits.windowMs) };
  switch (poll) {
    case 'up': {
      const upSince = standing.upSince ?? now;
      const up = { ...standing, upSince, downSince: undefined, startingSince: undefined };
      return now - upSince >= limits.intervalMs ? { ...up, tries: 0, lastTryAt: undefined, failure: undefined } : up;
    }
    case 'down': {
      // It may have been up for long enough since the last poll.
      const stayed = standing.upSince !== undefined && now - standing.upSince >= limits.intervalMs;
      const down = { ...standing, upSince: undefined, startingSince: undefined, downSince: standing.downSince ?? now };
      return stayed ? { ...down, tries: 0, lastTryAt: undefined, failure: undefined } : down;
    }
    case 'starting':
      return { ...standing, upSince: undefined, startingSince: standing.startingSince ?? now };
    case 'stopped':
      return { ...standing, upSince: undefined, downSince: undefined, startingSince: undefined };
    case 'unknown':
      return standing;
  }
}

function whileUp({ tries, failure, upSince = 0 }: Standing, { intervalMs }: Limits): Step {
  if (tries === 0 && failure === undefined) return { do: 'wait', why: 'it is up' };
  return { do: 'wait', pollAt: upSince + intervalMs, why: 'it has started and must stay up' };
}

function whileDown(standing: Standing, now: number, limits: Limits): Decision {
  const { failure, tries, lastTryAt, restarts, downSince = now } = standing;
  if (failure?.report === 'made') return { standing, step: { do: 'wait', why: 'its failure is reported' } };
  if (failure !== undefined) return { standing, step: { do: 'report', failure, why: 'it was not reported yet' } };
  const spent = tries > limits.retries;
  const stormy = restarts.length >= limits.limit;
  const due = Math.max(
    lastTryAt === undefined ? 0 : lastTryAt + waitAfter(spent || stormy ? 1 : tries, limits),
    tries === 0 ? downSince + limits.delayMs : 0,
  );
  if (now < due) return { standing, step: { do: 'wait', pollAt: due, why: 'it has time to start' } };
  if (!spent && !stormy)
    return { standing, step: { do: 'restart', why: `restart ${tries + 1} of ${limits.retries + 1}` } };
  const found: Failure = { at: now, report: 'due' };
  const why = spent
    ? `it is down after ${tries} restarts in sequence`
    : `it was restarted ${restarts.length} times within ${limits.windowMs / 1000} s and is down again`;
  return { standing: { ...standing, failure: found }, step: { do: 'report', failure: found, why } };
}

/** 5, 10, 20 … seconds with the defaults. */
function waitAfter(tries: number, { intervalMs, backoff: factor, maxIntervalMs }: Limits): number {
  const maxMs = Math.max(intervalMs, maxIntervalMs);
  return Math.max(intervalMs, backoff(Math.max(0, tries - 1), { firstMs: intervalMs, maxMs, factor }));
}
