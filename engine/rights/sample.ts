/**
 * A service and an instance of the cloud on which rights can be checked: Nova reads most objects before it checks the right, so that a
 * missing object is no evidence.
 */

import { CloudError } from '#openstack/cloud-error.ts';
import type { CallOptions } from '#openstack/http/call.ts';
import type { Cloud, ComputeService, HostNamesList, Instance } from '../cloud/cloud.ts';

/** No compute host has this name. */
export const NO_HOST = 'recovery-agent-check';

export interface Sample {
  /** The names of all compute hosts, or why they cannot be read. */
  readonly hosts: HostNamesList | CloudError;
  readonly service: ComputeService | undefined;
  /** Active, on a host that is up, and Nova does nothing with it. */
  readonly instance: Instance | undefined;
  /** Nova's response to the list of the instances of a real host, if it refused it. */
  readonly refusal: CloudError | undefined;
}

/** Maximum number of hosts that are searched for an instance. */
const MAX_HOSTS = 20;

/** Objects that cannot be read are omitted. */
export async function findSample(cloud: Cloud, call: CallOptions): Promise<Sample> {
  const hosts = await hostsOf(cloud, call);
  const names = 'names' in hosts ? hosts.names : [];
  let service: ComputeService | undefined;
  for (const host of names.filter((name) => name !== NO_HOST).slice(0, MAX_HOSTS)) {
    const found = await answerOf(cloud.computeService(host, call));
    service ??= found;
    if (found?.state !== 'up' || found.forcedDown) continue;
    try {
      const { items } = await cloud.listInstances({ host }, call);
      const instance = items.find((one) => one.host === host && one.vmState === 'active' && one.taskState === null);
      if (instance) return { hosts, service, instance, refusal: undefined };
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (error.kind === 'unauthorized') return { hosts, service, instance: undefined, refusal: error };
    }
  }
  return { hosts, service, instance: undefined, refusal: undefined };
}

async function hostsOf(cloud: Cloud, call: CallOptions): Promise<HostNamesList | CloudError> {
  try {
    return await cloud.computeHosts(call);
  } catch (error) {
    if (error instanceof CloudError) return error;
    throw error;
  }
}

/** Undefined if the cloud refuses or does not respond. */
async function answerOf<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CloudError) return undefined;
    throw error;
  }
}
