/**
 * The hosts that should be watched, and those of them that are not. Pure, except for reading the inventory.
 *
 * Expected hosts are those of the inventory and of the failover segments. A host is watched if the policy can decide its state: if
 * Pacemaker has it, or, with a matrix, if a source has it on one of the matrix's networks. Invariant: there is no result while the source
 * that decides is blind.
 */
import { errorMessage } from '#protocol/error-message.ts';
import { type HostMatch, matchHost } from '#protocol/host-name.ts';
import type { LatestFacts } from './latest-facts.ts';
import type { Policy } from './policy.ts';
import { readInventory } from './sources/inventory.ts';
import type { Fact } from './sources/source.ts';

export type Origin = 'the inventory' | 'a failover segment';

export interface ExpectedHosts {
  /** By name: where the host is configured. */
  readonly hosts: ReadonlyMap<string, Origin>;
  /** Why the inventory could not be read. */
  readonly fault?: string;
}

export const NONE_EXPECTED: ExpectedHosts = { hosts: new Map() };

/** @param segmentHosts of the configuration, if it has segments @param node this host, which only Pacemaker watches */
export function expectedHosts(inventory: string, segmentHosts: readonly string[], node: string): ExpectedHosts {
  let names: readonly string[] = [];
  let fault: string | undefined;
  try {
    names = (readInventory(inventory) ?? []).map(({ name }) => name);
  } catch (error) {
    fault = errorMessage(error);
  }
  const hosts = new Map<string, Origin>();
  for (const name of names) if (name !== node) hosts.set(name, 'the inventory');
  for (const name of segmentHosts) {
    if (name !== node && matchHost(name, hosts.keys()).match === 'none') hosts.set(name, 'a failover segment');
  }
  return fault === undefined ? { hosts } : { hosts, fault };
}

export interface Unwatched {
  readonly host: string;
  /** Where it is expected, and similar names. */
  readonly detail: string;
}

export interface Watching {
  /** How many hosts should be watched, and how many of them are, by any form of their name. */
  readonly expected: number;
  readonly watched: number;
  /** Hosts that are not watched, or only under another name, and hosts of the options that the source does not list. */
  readonly unwatched: readonly Unwatched[];
  /** Hosts of Pacemaker that are not in the inventory: the sources that need it cannot read them. */
  readonly unlisted: readonly string[];
}

/** Undefined while the source that decides is blind. */
export function watchingOf({ hosts }: ExpectedHosts, latest: LatestFacts, policy: Policy): Watching | undefined {
  const isPacemaker = policy.name === 'pacemaker-fenced';
  if (!(isPacemaker ? latest.factsOf('pacemaker').length > 0 : latest.isComplete)) return undefined;
  const facts = latest.facts();
  const known = new Set(facts.filter((fact) => isDeciding(fact, policy)).map(({ host }) => host));
  const reason = isPacemaker ? 'Pacemaker does not know it' : 'no source has it on a network of the matrix';
  const expected = [...hosts].map(([host, origin]) => ({ host, origin, near: matchHost(host, known) }));
  const unwatched = expected.flatMap(({ host, origin, near }): Unwatched[] => {
    // The engine finds the segment by any form of a name; facts of sources must have the same name.
    const isWatched = origin === 'a failover segment' ? near.match === 'one' : known.has(host);
    return isWatched ? [] : [{ host, detail: `in ${origin}, but ${reason}${shown(near)}` }];
  });
  const named = facts.filter(({ host, isUnlisted }) => isUnlisted === true && !hosts.has(host));
  return {
    expected: hosts.size,
    watched: expected.filter(({ near }) => near.match !== 'none').length,
    unwatched: [...unwatched, ...named.map(({ host, detail }): Unwatched => ({ host, detail }))],
    unlisted: isPacemaker && needsInventory(latest) ? outsideOf(hosts, known) : [],
  };
}

function isDeciding({ source, isUnlisted = false, network }: Fact, policy: Policy): boolean {
  if (isUnlisted) return false;
  if (policy.name === 'pacemaker-fenced') return source === 'pacemaker';
  return network !== undefined && policy.networks.includes(network);
}

function shown(near: HostMatch): string {
  if (near.match === 'none') return '';
  const names = near.match === 'one' ? [near.name] : near.names;
  return `; it knows ${names.slice(0, 4).join(', ')}`;
}

function needsInventory(latest: LatestFacts): boolean {
  return latest.has('ipmi') || latest.has('redfish') || latest.has('ping');
}

function outsideOf(hosts: ExpectedHosts['hosts'], watched: ReadonlySet<string>): readonly string[] {
  const inventory = [...hosts].flatMap(([host, origin]) => (origin === 'the inventory' ? [host] : []));
  return [...watched].filter((host) => matchHost(host, inventory).match === 'none');
}
