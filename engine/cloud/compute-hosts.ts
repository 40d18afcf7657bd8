/**
 * Finds the compute host of Nova that a name means. Pure.
 *
 * Invariant: a name that is not Nova's own is resolved only if exactly one host of a complete list matches. A short name that two hosts
 * share, or a list from which a cell may be missing, decides nothing.
 */
import { type HostMatch, matchHost } from '#protocol/host-name.ts';
import type { HostNamesList } from './cloud.ts';

/** Nova's name of a host. */
export function matchInNova(host: string, { names, isComplete }: HostNamesList): HostMatch {
  if (names.includes(host)) return { match: 'one', name: host };
  return isComplete ? matchHost(host, names) : { match: 'none' };
}

/** Why a host of the configuration or a report cannot be found in Nova. */
export function ambiguity(host: string, names: readonly string[]): string {
  return `host '${host}' may be ${names.map((name) => `'${name}'`).join(' or ')} in Nova; write the name that Nova has`;
}
