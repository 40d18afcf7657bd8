/**
 * What the power state of a host says of it. Pure, but for asking boards side by side.
 *
 * Invariant: only a board that said, in answer to this question, that the host has no power proves anything. That it has power
 * says nothing of the host: a crashed kernel draws power too. A board that does not answer says nothing at all: it has no power
 * either when the rack has none.
 */
import type { Fact } from './fact.ts';
import { inParallel } from './in-parallel.ts';

/** `changing`: on its way from one to the other. */
export type Power = { readonly power: 'on' | 'off' | 'changing' } | { readonly fault: string };

const MAX_DETAIL = 300;

export function powerFact(source: 'ipmi' | 'redfish', host: string, power: Power, at: number): Fact {
  if ('fault' in power) {
    // What a board sends may hold anything.
    const detail = power.fault.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_DETAIL);
    return { source, host, says: 'unknown', at, detail };
  }
  if (power.power === 'off') return { source, host, says: 'down', proof: 'power off', at, detail: 'powered off' };
  const detail = power.power === 'on' ? 'powered on' : 'power is changing';
  return { source, host, says: 'unknown', at, detail };
}

/** Asks all boards; throws when none of them answers. @param ask throws whatever is wrong with one board */
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
  signal.throwIfAborted();
  const [first] = facts;
  if (first !== undefined && !facts.some(({ isAnswered }) => isAnswered)) {
    const { host, detail } = first.fact;
    throw new Error(`none of ${facts.length} management boards answers over ${source}; ${host}: ${detail}`);
  }
  return facts.map(({ fact }) => fact);
}

async function powerOf(ask: () => Promise<'on' | 'off' | 'changing'>, signal: AbortSignal): Promise<Power> {
  try {
    signal.throwIfAborted();
    return { power: await ask() };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}
