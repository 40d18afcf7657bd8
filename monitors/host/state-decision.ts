/**
 * Decides whether a host is up, suspected, dead, leaving or unknown. Pure: facts and a policy in, a state out.
 *
 * Invariants:
 * - no state `dead` without a fact that proves it, unless the policy's row has `proof: none`;
 * - if Pacemaker is a source it can veto a death: without quorum (`unknown`), for a host that it has as `up`, or for one that
 *   leaves in order (`leaving`), no other fact makes the host dead;
 * - a confirmation or a BMC can belong to the wrong host. Therefore a proof by an operator or by a power-off counts only if no
 *   source has the host up in its newest poll. Each source is polled again every few seconds, so the order of the two polls does
 *   not matter. A fencing always counts: the host may already have booted again, but its instances are gone.
 */

import { type Policy, type Row, SETTLED_PROOFS } from './policy.ts';
import { type Fact, NETWORKS, type Network, type Proof } from './sources/source.ts';

export type State = 'up' | 'suspected' | 'dead' | 'unknown' | 'leaving';

export interface HostDecision {
  readonly state: State;
  /** Of a dead host; undefined if its policy requires none. */
  readonly proof?: Proof;
  /** Of a dead host: the time of its death in the fact that proves it. Milliseconds UTC. */
  readonly since: number;
  /** The reason for the state, as text. */
  readonly reason: string;
  /** The facts behind it. */
  readonly because: readonly Fact[];
}

/** @param facts the newest of each source and network, all of one host */
export function decide(facts: readonly Fact[], policy: Policy, now: number): HostDecision {
  if (facts.length === 0) return decision('unknown', 'no source has its state', facts, now);
  return policy.name === 'matrix' ? decideByMatrix(facts, policy, now) : decideByPacemaker(facts, now);
}

function decideByPacemaker(facts: readonly Fact[], now: number): HostDecision {
  const word = facts.find(({ source }) => source === 'pacemaker');
  if (word === undefined) return decision('unknown', 'Pacemaker does not know it', facts, now);
  if (word.state !== 'down') return decision(word.state, word.detail, [word], now);
  return deadIfProven(facts, 'needed', word.detail, now);
}

function decideByMatrix(facts: readonly Fact[], policy: Policy & { name: 'matrix' }, now: number): HostDecision {
  const word = facts.find(({ source }) => source === 'pacemaker');
  if (word?.state === 'unknown' || word?.state === 'leaving') return decision(word.state, word.detail, [word], now);
  const health = policy.networks.map((network) => healthOf(facts, network));
  const words = policy.networks.map((network, index) => `${network} ${health[index]}`).join(', ');
  const row = policy.rows.find((one) => one.health.every((wanted, index) => wanted === health[index]));
  if (health.every((one) => one === 'up')) {
    return word?.state === 'down'
      ? decision('suspected', `${words}, but ${word.detail}`, facts, now)
      : decision('up', words, facts, now);
  }
  if (row === undefined || health.includes('unknown')) return decision('unknown', words, facts, now);
  if (row.action === 'none') return decision('suspected', `${words}; the matrix has no recovery for it`, facts, now);
  if (word?.state === 'up') return decision('suspected', `${words}, but up in Pacemaker`, facts, now);
  return deadIfProven(facts, row.proof, words, now);
}

/** One source that has the host up there is enough for up; it is down if all sources there have it down. */
function healthOf(facts: readonly Fact[], network: Network): 'up' | 'down' | 'unknown' {
  const words = facts.filter((fact) => fact.network === network).map(({ state }) => state);
  if (words.includes('up')) return 'up';
  return words.length > 0 && words.every((word) => word === 'down') ? 'down' : 'unknown';
}

function deadIfProven(facts: readonly Fact[], needed: Row['proof'], words: string, now: number): HostDecision {
  const proofs = facts.filter(({ state, proof }) => state === 'down' && proof !== undefined);
  const isSeen = facts.some(({ state }) => state === 'up');
  const standing = proofs.filter(({ proof }) => proof === 'fenced' || !isSeen);
  const [best] = standing.toSorted((a, b) => rank(a) - rank(b) || a.at - b.at);
  if (best?.proof !== undefined) {
    return { state: 'dead', proof: best.proof, since: best.at, reason: best.detail, because: facts };
  }
  if (proofs.length > 0) return decision('suspected', `${words}; reported as off, but a source has it up`, facts, now);
  return needed === 'none'
    ? decision('dead', `${words}; the policy requires no proof`, facts, now)
    : decision('suspected', `${words}; not proven dead`, facts, now);
}

const rank = ({ proof }: Fact): number => (proof === 'fenced' ? 0 : proof === 'operator' ? 1 : 2);

function decision(state: State, reason: string, because: readonly Fact[], now: number): HostDecision {
  return { state, reason, because, since: now };
}

/** The accepted state of a host, and the states of later polls. */
export interface Track {
  readonly settled: HostDecision;
  /** The state on which the last polls agree, their number, and when the last one counted. */
  readonly trend: { readonly state: State; readonly polls: number; readonly countedAt: number };
}

export interface Debouncing {
  /** Polls in sequence that must agree before a host is up or dead. */
  readonly samples: number;
  /** Polls closer together than this count as one. Milliseconds. */
  readonly apartMs: number;
}

/**
 * Accepts a new state at once or after the required number of polls. `suspected`, `leaving` and `unknown` start no action, so they
 * are accepted at once; so is a death on which the cluster agreed. While polls are counted, the host is `suspected` if it
 * appears dead, and keeps its state if it appears up.
 */
export function settle(before: Track | undefined, fresh: HostDecision, debouncing: Debouncing, now: number): Track {
  const trend = nextTrend(before?.trend, fresh.state, debouncing.apartMs, now);
  const isBelieved =
    (fresh.state !== 'dead' && fresh.state !== 'up') ||
    (fresh.proof !== undefined && SETTLED_PROOFS.has(fresh.proof)) ||
    before?.settled.state === fresh.state ||
    trend.polls >= debouncing.samples;
  if (isBelieved) return { settled: fresh, trend };
  const waits = `${fresh.reason} (${trend.polls} of ${debouncing.samples} polls)`;
  if (fresh.state === 'dead') return { settled: decision('suspected', waits, fresh.because, now), trend };
  // A death without a current fact must not continue to count as one.
  const rest = before === undefined || before.settled.state === 'dead' ? 'unknown' : before.settled.state;
  return { settled: decision(rest, waits, fresh.because, now), trend };
}

function nextTrend(before: Track['trend'] | undefined, state: State, apartMs: number, now: number): Track['trend'] {
  if (before?.state !== state) return { state, polls: 1, countedAt: now };
  if (now - before.countedAt < apartMs) return before;
  return { state, polls: before.polls + 1, countedAt: now };
}

/** The facts of each host, in the order of the networks. */
export function byHost(facts: readonly Fact[]): ReadonlyMap<string, readonly Fact[]> {
  const order = (fact: Fact) => (fact.network === undefined ? -1 : NETWORKS.indexOf(fact.network));
  const sorted = facts.toSorted((a, b) => order(a) - order(b));
  return new Map([...Map.groupBy(sorted, ({ host }) => host)].sort(([a], [b]) => (a < b ? -1 : 1)));
}
