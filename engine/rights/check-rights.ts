/** Checks every right that the recoveries of a configuration need, one after the other. */

import type { ActOptions } from '../cloud/call.ts';
import type { Cloud, CloudAccess, HostNamesList } from '../cloud/cloud.ts';
import { novaRights } from './nova-rights.ts';
import { mailRights, taskRights } from './other-rights.ts';
import type { Needs } from './required-rights.ts';
import type { RightFound } from './right.ts';
import { decisionOf } from './right-decision.ts';
import { findSample } from './sample.ts';

export interface RightsCheck {
  readonly cloud: Cloud;
  readonly needs: Needs;
  /** `requests`: an evacuation is requested as well, in a way that Nova refuses. */
  readonly requested: 'requests' | 'roles';
  readonly call?: ActOptions;
}

export interface RightsFound {
  /** The first one is the login. */
  readonly rights: readonly RightFound[];
  /** The names of all compute hosts; undefined where they could not be read. */
  readonly hosts: HostNamesList | undefined;
}

/**
 * If the cloud gives no token, or has no version that we know, none of its other rights is checked.
 *
 * @throws the reason of the signal of `call`
 */
export async function checkRights({ cloud, needs, requested, call = {} }: RightsCheck): Promise<RightsFound> {
  let access: CloudAccess | undefined;
  const logIn = async (): Promise<Attempted> => {
    access = await cloud.access(call);
    return { verdict: 'allowed', reason: access.description };
  };
  const rights = [await tried('log in and agree on a version of the API', logIn, call)];
  let hosts: HostNamesList | undefined;
  if (access !== undefined) {
    const context = { cloud, call, access, sample: await findSample(cloud, call) };
    if ('names' in context.sample.hosts) hosts = context.sample.hosts;
    for (const right of [...novaRights(requested, needs.aggregates), ...taskRights(needs)]) {
      rights.push(await tried(right.name, () => right.attempt(context), call));
    }
  }
  for (const { name, attempt } of mailRights(needs)) rights.push(await tried(name, () => attempt(call), call));
  return { rights, hosts };
}

type Attempted = Omit<RightFound, 'right'> | undefined;

async function tried(right: string, attempt: () => Promise<Attempted>, { signal }: ActOptions): Promise<RightFound> {
  try {
    return { right, ...((await attempt()) ?? { verdict: 'allowed', reason: '' }) };
  } catch (error) {
    signal?.throwIfAborted();
    return { right, ...decisionOf(error) };
  }
}
