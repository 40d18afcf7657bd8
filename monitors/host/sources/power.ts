/**
 * What the power state of a host means. Pure, except for reading BMCs in parallel.
 *
 * Invariant: only a BMC that responded, to this request, that the host has no power proves anything. That it has power means
 * nothing for the host: a crashed kernel draws power too. A BMC that does not respond means nothing either: it has no power
 * itself when the rack has none.
 */
import type { Fact } from './fact.ts';
import { inParallel } from './in-parallel.ts';

/** `changing`: on its way from one to the other. */
export type Power = { readonly power: 'on' | 'off' | 'changing' } | { readonly fault: string };

/** Characters of one BMC's reason, and of all reasons together. */
const MAX_DETAIL = 2400;
const MAX_REASONS = 8000;

export function powerFact(source: 'ipmi' | 'redfish', host: string, power: Power, at: number): Fact {
  if ('fault' in power) {
    // What a BMC sends may hold anything.
    const detail = power.fault.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_DETAIL);
    return { source, host, says: 'unknown', isUnreadable: true, at, detail };
  }
  if (power.power === 'off') return { source, host, says: 'down', proof: 'power off', at, detail: 'powered off' };
  const detail = power.power === 'on' ? 'powered on' : 'power is changing';
  return { source, host, says: 'unknown', at, detail };
}

/** Reads all BMCs; throws with the reason of each when none of them responds. @param ask throws what is wrong with one BMC */
export async function powerOfAll<Host extends { readonly name: string }>(
  source: 'ipmi' | 'redfish',
  hosts: readonly Host[],
  parallel: number,
  ask: (host: Host) => Promise<'on' | 'off' | 'changing'>,
  signal: AbortSignal,
): Promise<readonly Fact[]> {
  const facts = await inParallel(parallel, hosts, async (host) => {
    const power = await powerOf(() => ask(host), signal);
    return { fact: powerFact(source, host.name, power, Date.now()), isAnswered: 'power' in power };
  });
  // When the time of the look is over, what was read by then still counts.
  if (signal.aborted && !isTimeout(signal.reason)) throw signal.reason;
  if (facts.length > 0 && !facts.some(({ isAnswered }) => isAnswered)) {
    const reasons = facts.map(({ fact }) => `${fact.host}: ${fact.detail}`).join(' | ');
    const bounded = reasons.length > MAX_REASONS ? `${reasons.slice(0, MAX_REASONS)} …` : reasons;
    throw new Error(`none of ${facts.length} BMCs answers over ${source}; ${bounded}`);
  }
  return facts.map(({ fact }) => fact);
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError';
}

async function powerOf(ask: () => Promise<'on' | 'off' | 'changing'>, signal: AbortSignal): Promise<Power> {
  try {
    signal.throwIfAborted();
    return { power: await ask() };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}
