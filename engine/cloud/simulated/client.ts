/** The simulated cloud as tasks see it, over any link to its world. */

import type { ActGuard } from '#openstack/act-guard.ts';
import type { CallOptions } from '#openstack/http/call.ts';
import type { Accepted, ActOptions } from '../call.ts';
import type {
  Aggregate,
  CallCounts,
  Cloud,
  CloudAccess,
  ComputeService,
  Evacuation,
  HostNamesList,
  Instance,
  InstanceAction,
  InstanceFilter,
  Listing,
  MigrationRecord,
  MigrationType,
  RebootType,
  ResetState,
  ServiceChange,
} from '../cloud.ts';
import type { Arguments } from './arguments.ts';
import { type Call, callObserved, isAct } from './calls.ts';
import { SimulatedWorkflows } from './workflow-calls.ts';
import type { World } from './world.ts';

/** Leads to a world. Throws `CloudError`. */
export interface Link {
  readonly description: string;
  call(method: string, args: Arguments, options: CallOptions & { readonly mayLeave?: () => boolean }): Promise<unknown>;
  close(): Promise<void>;
}

/** A world in this process. @param observe receives each call after its effect */
export function directLink(world: World, observe: (call: Call) => void = () => {}): Link {
  return {
    description: 'simulated',
    call: async (method, args, { signal }) => {
      signal?.throwIfAborted();
      return callObserved(world, method, args, observe);
    },
    close: async () => {},
  };
}

type RawService = Omit<ComputeService, 'updatedAt'> & { readonly updatedAt: number };

type RawAction = Omit<InstanceAction, 'startedAt'> & { readonly startedAt: string | Date | null };

interface RawListing {
  readonly at: number;
  readonly items: readonly unknown[];
}

function compact(args: Record<string, unknown>): Arguments {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
}

const OF_KEYSTONE = ['userAddress', 'projectAddress'];

export class SimulatedCloud implements Cloud {
  readonly description: string;
  readonly workflows: SimulatedWorkflows;
  readonly #link: Link;
  readonly #guard: ActGuard;
  readonly #calls = { identity: 0, compute: 0 };

  constructor(link: Link, guard: ActGuard) {
    this.#link = link;
    this.#guard = guard;
    this.description = link.description;
    this.workflows = new SimulatedWorkflows(
      (method, args, options) => this.#call(method, args, options),
      (method, args, options) => this.#act(method, args, options),
    );
  }

  get calls(): CallCounts {
    return { ...this.#calls };
  }

  async check(options: CallOptions = {}): Promise<void> {
    await this.#call('check', {}, options);
  }

  async access(options: CallOptions = {}): Promise<CloudAccess> {
    await this.check(options);
    return { roles: ['admin'], description: this.description };
  }

  async computeService(host: string, options: CallOptions = {}): Promise<ComputeService | undefined> {
    const service = (await this.#call('computeService', { host }, options)) as RawService | null;
    return service ? { ...service, updatedAt: new Date(service.updatedAt) } : undefined;
  }

  async computeHosts(options: CallOptions = {}): Promise<HostNamesList> {
    return (await this.#call('computeHosts', {}, options)) as HostNamesList;
  }

  changeService({ host }: ComputeService, change: ServiceChange, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('changeService', { host, ...change }, options);
  }

  /** Everything is allowed. */
  async checkServiceChange({ host }: ComputeService, options: ActOptions = {}): Promise<void> {
    await this.computeService(host, options);
  }

  async listInstances(filter: InstanceFilter, options: CallOptions = {}): Promise<Listing<Instance>> {
    const args = compact({ host: filter.host, changedSince: filter.changedSince?.toISOString() });
    const { at, items } = (await this.#call('listInstances', args, options)) as RawListing;
    return { at: new Date(at), items: items as Instance[] };
  }

  async instance(uuid: string, options: CallOptions = {}): Promise<Instance | undefined> {
    return ((await this.#call('instance', { uuid }, options)) ?? undefined) as Instance | undefined;
  }

  async listEvacuations(
    filter: { readonly sourceHost: string; readonly changedSince?: Date },
    options: CallOptions = {},
  ): Promise<Listing<Evacuation>> {
    const args = compact({ sourceHost: filter.sourceHost, changedSince: filter.changedSince?.toISOString() });
    const { at, items } = (await this.#call('listEvacuations', args, options)) as RawListing;
    const evacuations = (items as (Omit<Evacuation, 'createdAt'> & { createdAt: string | Date })[]).map((one) => ({
      ...one,
      createdAt: new Date(one.createdAt),
    }));
    return { at: new Date(at), items: evacuations };
  }

  async listMigrations(
    { sourceHost }: { readonly sourceHost: string },
    options: CallOptions = {},
  ): Promise<Listing<MigrationRecord>> {
    const { at, items } = (await this.#call('listMigrations', { sourceHost }, options)) as RawListing;
    const records = (items as (Omit<MigrationRecord, 'createdAt'> & { createdAt: string | Date })[]).map((one) => ({
      ...one,
      createdAt: new Date(one.createdAt),
    }));
    return { at: new Date(at), items: records };
  }

  evacuate(uuid: string, { host }: { readonly host?: string }, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('evacuate', compact({ uuid, host }), options);
  }

  migrate(uuid: string, type: MigrationType, host: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('migrate', { uuid, type, host }, options);
  }

  confirmResize(uuid: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('confirmResize', { uuid }, options);
  }

  stop(uuid: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('stop', { uuid }, options);
  }

  start(uuid: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('start', { uuid }, options);
  }

  resetState(uuid: string, state: ResetState, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('resetState', { uuid, state }, options);
  }

  reboot(uuid: string, type: RebootType, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('reboot', { uuid, type }, options);
  }

  rebuild(uuid: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('rebuild', { uuid }, options);
  }

  async instanceActions(uuid: string, options: CallOptions = {}): Promise<readonly InstanceAction[]> {
    const actions = (await this.#call('instanceActions', { uuid }, options)) as RawAction[];
    return actions.map((one) => ({ ...one, startedAt: one.startedAt === null ? null : new Date(one.startedAt) }));
  }

  async listAggregates(options: CallOptions = {}): Promise<readonly Aggregate[]> {
    return (await this.#call('listAggregates', {}, options)) as Aggregate[];
  }

  addHostToAggregate({ id }: Aggregate, host: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#act('addHostToAggregate', { id, host }, options);
  }

  async userAddress(id: string, options: CallOptions = {}): Promise<string | undefined> {
    return ((await this.#call('userAddress', { id }, options)) ?? undefined) as string | undefined;
  }

  async projectAddress(id: string, options: CallOptions = {}): Promise<string | undefined> {
    return ((await this.#call('projectAddress', { id }, options)) ?? undefined) as string | undefined;
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  #call(method: string, args: Arguments, { signal }: CallOptions): Promise<unknown> {
    this.#calls[OF_KEYSTONE.includes(method) ? 'identity' : 'compute'] += 1;
    const mayLeave = isAct(method) ? { mayLeave: () => this.#guard.isFresh() } : {};
    return this.#link.call(method, args, { ...(signal ? { signal } : {}), ...mayLeave });
  }

  async #act(method: string, args: Arguments, options: ActOptions): Promise<Accepted> {
    await this.#guard.confirm();
    return (await this.#call(method, args, options)) as Accepted;
  }
}
