/**
 * Decides whether the monitor as a whole is blind. Pure.
 *
 * Invariant: a monitor that could find no host dead is blind, for any response of its sources: Pacemaker, if it is a source, is blind
 * or has no state of any host; every other source is blind; the state of every host is `unknown`; or no expected host is watched.
 */

import type { Watching } from './expected-hosts.ts';
import type { LatestFacts } from './latest-facts.ts';
import type { Policy } from './policy.ts';
import { byHost, decide } from './state-decision.ts';

export type Health =
  | { readonly is: 'seeing' }
  | { readonly is: 'blind'; readonly reason: string }
  /** A source has not responded yet. */
  | { readonly is: 'waiting' };

export function healthOf(latest: LatestFacts, policy: Policy, watching: Watching | undefined, now: number): Health {
  const blindSources = latest.blindSources();
  const pacemaker = blindSources.find(([source]) => source === 'pacemaker');
  if (pacemaker !== undefined) return { is: 'blind', reason: `Pacemaker: ${pacemaker[1]}` };
  const reported = latest.factsOf('pacemaker');
  const [first] = reported;
  if (first !== undefined && reported.every(({ state }) => state === 'unknown')) {
    return { is: 'blind', reason: `Pacemaker has no state of any host: ${first.detail}` };
  }
  if (!latest.isRead) return { is: 'waiting' };
  const sources = blindSources.map(([source, why]) => `${source}: ${why}`);
  const decisions = [...byHost(latest.facts())].map(([host, facts]) => ({ host, ...decide(facts, policy, now) }));
  const [unknown] = decisions;
  if (unknown === undefined) return { is: 'blind', reason: sources.join('; ') };
  if (decisions.every(({ state }) => state === 'unknown')) {
    const reasons = [`no state of any host is known, ${unknown.host}: ${unknown.reason}`, ...sources];
    return { is: 'blind', reason: reasons.join('; ') };
  }
  const [unwatched] = watching?.unwatched ?? [];
  if (watching !== undefined && watching.expected > 0 && watching.watched === 0 && unwatched !== undefined) {
    const reason = `none of ${watching.expected} expected hosts is watched, ${unwatched.host}: ${unwatched.detail}`;
    return { is: 'blind', reason };
  }
  return { is: 'seeing' };
}
