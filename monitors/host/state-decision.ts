/**
 * Is a host up, suspected, dead, leaving, or is it not known? Pure: facts and a policy in, a verdict out.
 *
 * Invariants:
 * - no verdict `dead` without a fact that proves it, unless the policy's row says `proof: none`;
 * - where Pacemaker is asked it has the last word against a death: without quorum (`unknown`), for a host that it sees
 *   (`up`) or that leaves in order (`leaving`) nothing else makes it dead;
 * - a word or a board can be about the wrong host: a proof by an operator or by a power-off counts only when no source saw the
 *   host in its newest look, whichever of the two looks was first: each is taken anew every few seconds, so that their order
 *   says nothing. A fencing stands: the host may already have booted again, its instances are gone all the same.
 */
import { type Fact, NETWORKS, type Network, type Proof } from './fact.ts';
import { type Policy, type Row, SETTLED_PROOFS } from './policy.ts';

export type State = 'up' | 'suspected' | 'dead' | 'unknown' | 'leaving';

export interface Verdict {
  readonly state: State;
  /** Of a dead host; undefined when its policy asks for none. */
  readonly proof?: Proof;
  /** Of a dead host: when it became so, as the fact that proves it says. Milliseconds UTC. */
  readonly since: number;
  /** What decided, in words. */
  readonly reason: string;
  /** The facts behind it. */
  readonly because: readonly Fact[];
}

/** @param facts the newest of each source and network, all of one host */
export function judge(facts: readonly Fact[], policy: Policy, now: number): Verdict {
  if (facts.length === 0) return verdict('unknown', 'nothing is known of it', facts, now);
  return policy.name === 'matrix' ? judgeByMatrix(facts, policy, now) : judgeByPacemaker(facts, now);
}

function judgeByPacemaker(facts: readonly Fact[], now: number): Verdict {
  const word = facts.find(({ source }) => source === 'pacemaker');
  if (word === undefined) return verdict('unknown', 'Pacemaker does not know it', facts, now);
  if (word.says !== 'down') return verdict(word.says, word.detail, [word], now);
  return deadIfProven(facts, 'needed', word.detail, now);
}

function judgeByMatrix(facts: readonly Fact[], policy: Policy & { name: 'matrix' }, now: number): Verdict {
  const word = facts.find(({ source }) => source === 'pacemaker');
  if (word?.says === 'unknown' || word?.says === 'leaving') return verdict(word.says, word.detail, [word], now);
  const health = policy.networks.map((network) => healthOf(facts, network));
  const words = policy.networks.map((network, index) => `${network} ${health[index]}`).join(', ');
  const row = policy.rows.find((one) => one.health.every((wanted, index) => wanted === health[index]));
  if (health.every((one) => one === 'up')) {
    return word?.says === 'down'
      ? verdict('suspected', `${words}, but ${word.detail}`, facts, now)
      : verdict('up', words, facts, now);
  }
  if (row === undefined || health.includes('unknown')) return verdict('unknown', words, facts, now);
  if (row.action === 'none') return verdict('suspected', `${words}; the matrix wants no recovery`, facts, now);
  if (word?.says === 'up') return verdict('suspected', `${words}, but for Pacemaker it is up`, facts, now);
  return deadIfProven(facts, row.proof, words, now);
}

/** One source that sees the host there is enough for up; down is said when all that look there say so. */
function healthOf(facts: readonly Fact[], network: Network): 'up' | 'down' | 'unknown' {
  const words = facts.filter((fact) => fact.network === network).map(({ says }) => says);
  if (words.includes('up')) return 'up';
  return words.length > 0 && words.every((word) => word === 'down') ? 'down' : 'unknown';
}

function deadIfProven(facts: readonly Fact[], needed: Row['proof'], words: string, now: number): Verdict {
  const proofs = facts.filter(({ says, proof }) => says === 'down' && proof !== undefined);
  const isSeen = facts.some(({ says }) => says === 'up');
  const standing = proofs.filter(({ proof }) => proof === 'fenced' || !isSeen);
  const [best] = standing.toSorted((a, b) => rank(a) - rank(b) || a.at - b.at);
  if (best?.proof !== undefined) {
    return { state: 'dead', proof: best.proof, since: best.at, reason: best.detail, because: facts };
  }
  if (proofs.length > 0) return verdict('suspected', `${words}; said to be off, but it is seen`, facts, now);
  return needed === 'none'
    ? verdict('dead', `${words}; the policy asks for no proof`, facts, now)
    : verdict('suspected', `${words}; not proven dead`, facts, now);
}

const rank = ({ proof }: Fact): number => (proof === 'fenced' ? 0 : proof === 'operator' ? 1 : 2);

function verdict(state: State, reason: string, because: readonly Fact[], now: number): Verdict {
  return { state, reason, because, since: now };
}

/** What was settled for a host, and what later looks say of it. */
export interface Track {
  readonly settled: Verdict;
  /** The state the last looks agree on, how many they were, and when the last one counted. */
  readonly trend: { readonly state: State; readonly looks: number; readonly countedAt: number };
}

export interface Debouncing {
  /** Looks in a row that must agree before a host is up or dead. */
  readonly samples: number;
  /** Looks closer together than this count as one. Milliseconds. */
  readonly apartMs: number;
}

/**
 * Takes a new verdict over at once or after as many looks as are asked for. Nothing is done about `suspected`, `leaving`
 * and `unknown`, so they are believed at once; so is a death that the cluster agreed on. While looks are counted, the host
 * is `suspected` if it seems dead, and what it was if it seems up.
 */
export function settle(before: Track | undefined, fresh: Verdict, debouncing: Debouncing, now: number): Track {
  const trend = nextTrend(before?.trend, fresh.state, debouncing.apartMs, now);
  const isBelieved =
    (fresh.state !== 'dead' && fresh.state !== 'up') ||
    (fresh.proof !== undefined && SETTLED_PROOFS.has(fresh.proof)) ||
    before?.settled.state === fresh.state ||
    trend.looks >= debouncing.samples;
  if (isBelieved) return { settled: fresh, trend };
  const waits = `${fresh.reason} (${trend.looks} of ${debouncing.samples} looks)`;
  if (fresh.state === 'dead') return { settled: verdict('suspected', waits, fresh.because, now), trend };
  // A death that is not seen any more must not go on counting as one.
  const rest = before === undefined || before.settled.state === 'dead' ? 'unknown' : before.settled.state;
  return { settled: verdict(rest, waits, fresh.because, now), trend };
}

function nextTrend(before: Track['trend'] | undefined, state: State, apartMs: number, now: number): Track['trend'] {
  if (before?.state !== state) return { state, looks: 1, countedAt: now };
  if (now - before.countedAt < apartMs) return before;
  return { state, looks: before.looks + 1, countedAt: now };
}

/** The facts of each host, in the order of the networks. */
export function byHost(facts: readonly Fact[]): ReadonlyMap<string, readonly Fact[]> {
  const order = (fact: Fact) => (fact.network === undefined ? -1 : NETWORKS.indexOf(fact.network));
  const sorted = facts.toSorted((a, b) => order(a) - order(b));
  return new Map([...Map.groupBy(sorted, ({ host }) => host)].sort(([a], [b]) => (a < b ? -1 : 1)));
}
