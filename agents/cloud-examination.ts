/** What `validate --cloud` finds: the rights that the credentials have, and the hosts of the segments that Nova does not have. */
import type { Configuration } from '#config/configuration.ts';
import { compareWithNova, type HostFinding } from '#engine/intake/host-name-decision.ts';
import { checkRights } from '#engine/rights/check-rights.ts';
import { needsOf } from '#engine/rights/required-rights.ts';
import type { RightFound } from '#engine/rights/right.ts';
import type { ActGuard } from '#openstack/act-guard.ts';
import { prepareCloud } from './cloud.ts';
import { createLogger } from './logger.ts';

export interface CloudExamination {
  /** Which cloud; never a secret. */
  readonly cloud: string;
  readonly rights: readonly RightFound[];
  readonly hosts: readonly HostFinding[];
  /** Whether no recovery will fail for what was found. */
  readonly isGood: boolean;
}

/** There is no lease to lose: every request is one that changes nothing. */
const NO_LEASE: ActGuard = { confirm: async () => {}, isFresh: () => true };

/** Throws `CommandFailure` where there are no usable credentials. */
export async function examineCloud(configuration: Configuration): Promise<CloudExamination> {
  const cloud = prepareCloud(configuration, createLogger({ level: 'error' }))(NO_LEASE);
  try {
    const { rights, hosts: nova } = await checkRights({ cloud, needs: needsOf(configuration), requested: 'requests' });
    const isReached = rights[0]?.verdict === 'allowed';
    const hosts = nova === undefined ? [] : compareWithNova(configuration.segments, nova);
    const isGood =
      isReached && rights.every(({ verdict: state }) => state !== 'refused') && hosts.every(({ isUsable }) => isUsable);
    return { cloud: cloud.description, rights, hosts, isGood };
  } finally {
    await cloud.close();
  }
}
