/** Which instances are tried for reachability, and where. Pure. */
import { isInNetworks } from '#config/options/reachability.ts';
import type { TaskSettings } from '#config/options/task-settings.ts';
import type { Instance } from '../cloud/cloud.ts';

export type ReachabilityTarget =
  | { readonly try: 'yes'; readonly addresses: readonly string[] }
  /** @property reason completes "instance … is not tried: …" */
  | { readonly try: 'no'; readonly reason: string };

type Settings = Pick<TaskSettings, 'reachableNetworks' | 'reachableKey'>;

/** @param instance as Nova shows it on its new host; undefined: Nova does not show it there */
export function decideTarget(instance: Instance | undefined, settings: Settings): ReachabilityTarget {
  if (instance === undefined) return { try: 'no', reason: 'it is not on the host to which it was moved' };
  if (instance.vmState !== 'active') return { try: 'no', reason: `it is ${instance.vmState}` };
  if (instance.metadata[settings.reachableKey]?.toLowerCase() === 'false') {
    return { try: 'no', reason: `its metadata ${settings.reachableKey} is false` };
  }
  const addresses = (instance.addresses ?? []).filter((one) => isInNetworks(one, settings.reachableNetworks));
  if (addresses.length === 0) return { try: 'no', reason: 'it has no address in the networks of [reachability]' };
  return { try: 'yes', addresses };
}
