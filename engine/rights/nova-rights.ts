/** The rights that every recovery needs of Nova, by the names of Nova's policies. */
import { isOutage } from '#openstack/cloud-error.ts';
import type { Right } from './right.ts';
import { NO_HOST } from './sample.ts';

const listServices: Right = {
  name: 'read compute services (os_compute_api:os-services:list)',
  async attempt({ sample: { hosts } }) {
    if (!('names' in hosts)) throw hosts;
    if (hosts.names.length > 0) return undefined;
    return { verdict: 'untried', reason: 'Nova lists no nova-compute service at all' };
  },
};

const updateServices: Right = {
  name: 'change compute services (os_compute_api:os-services:update)',
  async attempt({ cloud, call, sample: { service } }) {
    if (service === undefined) return { verdict: 'untried', reason: 'Nova shows no service that it could be tried on' };
    await cloud.checkServiceChange(service, call);
    return undefined;
  },
};

/** A filter that the role may not use is ignored without an error, and the instances of every host are listed. */
const listInstances: Right = {
  name: 'list the instances of a host (os_compute_api:servers:detail:get_all_tenants, :allow_all_filters)',
  async attempt({ cloud, call, sample: { refusal } }) {
    const { items } = await cloud.listInstances({ host: NO_HOST }, call);
    if (items.some(({ host }) => host !== null && host !== NO_HOST)) {
      return { verdict: 'refused', reason: 'Nova ignores the filter by host and lists instances of other hosts' };
    }
    // An empty list is no evidence about the fields that Nova shows only to an administrator.
    if (refusal !== undefined) throw refusal;
    return undefined;
  },
};

const listMigrations: Right = {
  name: 'list migrations (os_compute_api:os-migrations:index)',
  async attempt({ cloud, call }) {
    await cloud.listEvacuations({ sourceHost: NO_HOST }, call);
    return undefined;
  },
};

const NO_INSTANCE = 'Nova shows no active instance that it could be tried on';

const listActions: Right = {
  name: 'list the actions of an instance (os_compute_api:os-instance-actions:list)',
  async attempt({ cloud, call, sample: { instance } }) {
    if (instance === undefined) return { verdict: 'untried', reason: NO_INSTANCE };
    await cloud.instanceActions(instance.uuid, call);
    return undefined;
  },
};

const EVACUATE = 'evacuate instances (os_compute_api:os-evacuate)';
/** Nova's default policy. */
const EVACUATE_ROLE = 'admin';

/** Requests nothing of Nova: an engine that starts requests no evacuation. */
const evacuateByRole: Right = {
  name: EVACUATE,
  async attempt({ access: { roles } }) {
    if (roles === undefined) return { verdict: 'untried', reason: 'Keystone does not list the roles of the token' };
    if (roles.some((role) => role.toLowerCase() === EVACUATE_ROLE)) return undefined;
    const has = roles.length === 0 ? 'no role' : `the ${roles.length === 1 ? 'role' : 'roles'} ${roles.join(', ')}`;
    const reason = `the token has ${has}, and Nova's default policy demands ${EVACUATE_ROLE}; "recovery-agent validate --cloud" checks it with a request to Nova`;
    return { verdict: 'unknown', reason };
  },
};

/**
 * Requests the evacuation of an instance whose host is up to a host that does not exist. Nova checks the right, then refuses for two
 * reasons, each of which is sufficient.
 */
const evacuateByRequest: Right = {
  name: EVACUATE,
  async attempt(context) {
    const { instance } = context.sample;
    if (instance === undefined) return evacuateByRole.attempt(context);
    try {
      await context.cloud.evacuate(instance.uuid, { host: NO_HOST }, context.call);
    } catch (error) {
      const status = error instanceof Error && 'status' in error ? error.status : undefined;
      if (isOutage(error) || (status !== 400 && status !== 404 && status !== 409)) throw error;
      return undefined;
    }
    const reason = `Nova accepted an evacuation of ${instance.uuid} to a host that does not exist; check that instance`;
    return { verdict: 'unknown', reason };
  },
};

const listAggregates: Right = {
  name: 'list aggregates (os_compute_api:os-aggregates:index)',
  async attempt({ cloud, call }) {
    await cloud.listAggregates(call);
    return undefined;
  },
};

/** `asked: requests`: also by a request that Nova refuses, for an operator; `asked: roles`: for an engine at each start */
export function novaRights(requested: 'requests' | 'roles', aggregates: boolean): readonly Right[] {
  return [
    listServices,
    updateServices,
    listInstances,
    listMigrations,
    listActions,
    requested === 'requests' ? evacuateByRequest : evacuateByRole,
    ...(aggregates ? [listAggregates] : []),
  ];
}
