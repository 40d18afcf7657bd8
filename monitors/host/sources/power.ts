/**
 * Converts the power state of a host into a fact. Pure, except for reading BMCs in parallel.
 *
 * Invariant: only a BMC's response to this request that the host has no power is a proof. If the host has power its state is
 * unknown: a crashed kernel draws power too. If a BMC does not respond the state is unknown too: the BMC has no power itself if the
 * rack has none.
 */

import { errorMessage } from '#protocol/error-message.ts';
import { inParallel } from './in-parallel.ts';
import type { Fact } from './source.ts';

/** `changing`: from one to the other. */
export type Power = { readonly power: 'on' | 'off' | 'changing' } | { readonly fault: string };

/** Limits, in characters, of one BMC's reason, and of all reasons together. */
const MAX_DETAIL = 2400;
const MAX_REASONS = 8000;

export function powerFact(source: 'ipmi' | 'redfish', host: string, power: Power, at: number): Fact {
  if ('fault' in power) {
    // The text of a BMC may contain any bytes.
    const detail = power.fault.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_DETAIL);
    return { source, host, state: 'unknown', isUnreadable: true, at, detail };
  }
  if (power.power === 'off') return { source, host, state: 'down', proof: 'power off', at, detail: 'powered off' };
  const detail = power.power === 'on' ? 'powered on' : 'power is changing';
  return { source, host, state: 'unknown', at, detail };
}

/** Reads all BMCs; throws with the reason of each if none of them responds. `ask` throws the fault of one BMC. */
export async function powerOfAll<Host extends { readonly name: string }>(
  source: 'ipmi' | 'redfish',
  hosts: readonly Host[],
  parallel: number,
  query: (host: Host) => Promise<'on' | 'off' | 'changing'>,
  signal: AbortSignal,
): Promise<readonly Fact[]> {
  const facts = await inParallel(parallel, hosts, async (host) => {
    const power = await powerOf(() => query(host), signal);
    return { fact: powerFact(source, host.name, power, Date.now()), isAnswered: 'power' in power };
  });
  // At the timeout of the poll, the results so far still count.
  if (signal.aborted && !isTimeout(signal.reason)) throw signal.reason;
  if (facts.length > 0 && !facts.some(({ isAnswered }) => isAnswered)) {
    const reasons = facts.map(({ fact }) => `${fact.host}: ${fact.detail}`).join(' | ');
    const bounded = reasons.length > MAX_REASONS ? `${reasons.slice(0, MAX_REASONS)} …` : reasons;
    throw new Error(`none of ${facts.length} BMCs responds over ${source}; ${bounded}`);
  }
  return facts.map(({ fact }) => fact);
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError';
}

async function powerOf(query: () => Promise<'on' | 'off' | 'changing'>, signal: AbortSignal): Promise<Power> {
  try {
    signal.throwIfAborted();
    return { power: await query() };
  } catch (error) {
    return { fault: errorMessage(error) };
  }
}
