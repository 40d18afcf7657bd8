/**
 * Chooses the reserved host of a recovery: the first one of the segment that is free and was not tried in this round. Pure.
 *
 * Invariant: no two recoveries send instances to one reserved host, since each may fill it.
 */
import { isSameHost } from '#protocol/host-name.ts';

/**
 * @param reservedHosts in the order of the segment
 * @param taken the failed host, and hosts that are not reserved any more or that another recovery uses
 */
export function freeReservedHosts(reservedHosts: readonly string[], taken: readonly string[]): string[] {
  return reservedHosts.filter((host) => !taken.some((other) => isSameHost(host, other)));
}

/** @param used the hosts of the flows of this round, null for a flow without one */
export function chooseReservedHost(free: readonly string[], used: readonly (string | null)[]): string | undefined {
  return free.find((host) => !used.includes(host));
}
