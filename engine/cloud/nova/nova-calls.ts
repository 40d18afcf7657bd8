/** The `Cloud` over Nova's API, and parts of Keystone's: the request of each call. */

import { CloudError } from '#openstack/cloud-error.ts';
import { bounded, type CallOptions } from '#openstack/http/call.ts';
import type { Deadline } from '#openstack/http/deadline.ts';
import type { Transport } from '#openstack/http/transport.ts';
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
import type { Identity } from '../keystone/identity.ts';
import type { Workflows } from '../workflows.ts';
import type { ClientOptions } from './client-options.ts';
import { instancesOf } from './instance-listing.ts';
import { COLD_MIGRATION_HOSTS, DOWN_CELLS, EVACUATION_STOPS } from './microversion.ts';
import { type MigrationFilter, migrationsOf } from './migration-listing.ts';
import { changedAfter, evacuationOf, isOver, type Migration, migrationOf } from './migration-records.ts';
import type { Change, Compute } from './requests.ts';
import * as answers from './responses.ts';
import { instanceOf, ServerAnswer } from './server-records.ts';
import {
  computeRecords,
  deadServicesOf,
  forcedDownOf,
  hostNamesOf,
  ServicesAnswer,
  serviceOn,
  silentOf,
} from './service-records.ts';

/** Nova's limit for the reason of a disabled service, in characters. */
const MAX_REASON = 255;

export class Nova implements Cloud {
  readonly description: string;
  readonly workflows: Workflows;
  readonly #compute: Compute;
  readonly #identity: Identity;
  readonly #transport: Transport;
  readonly #options: ClientOptions;
  readonly #close: () => Promise<void>;

  constructor(
    description: string,
    compute: Compute,
    workflows: Workflows,
    identity: Identity,
    transport: Transport,
    options: ClientOptions,
    close: () => Promise<void>,
  ) {
    this.description = description;
    this.workflows = workflows;
    this.#compute = compute;
    this.#identity = identity;
    this.#transport = transport;
    this.#options = options;
    this.#close = close;
  }

  get calls(): CallCounts {
    const { identity, compute } = this.#transport.calls;
    return { identity, compute };
  }

  /** Sends a request that only an administrator may send. */
  async check(options: CallOptions = {}): Promise<void> {
    const query = { binary: 'nova-compute', host: 'recovery-agent-check' };
    await this.#call(options, (deadline) => this.#compute.get(ServicesAnswer, '/os-services', query, deadline));
  }

  access(options: CallOptions = {}): Promise<CloudAccess> {
    return this.#call(options, (deadline) => this.#compute.access(deadline));
  }

  async computeService(host: string, options: CallOptions = {}): Promise<ComputeService | undefined> {
    const query = { binary: 'nova-compute', host };
    const { value, start } = await this.#call(options, (deadline) =>
      this.#compute.get(ServicesAnswer, '/os-services', query, deadline),
    );
    return serviceOn(host, value, start);
  }

  async computeHosts(options: CallOptions = {}): Promise<HostNamesList> {
    return this.#call(options, async (deadline) => {
      // All services: those that evacuations need are read with the same call.
      const { value, start } = await this.#compute.get(ServicesAnswer, '/os-services', {}, deadline);
      const isComplete = (await this.#compute.version(deadline)) >= DOWN_CELLS;
      const compute = computeRecords(value);
      return {
        names: hostNamesOf(compute, start),
        forcedDown: forcedDownOf(compute),
        silent: silentOf(compute),
        deadServices: deadServicesOf(value),
        isComplete,
      };
    });
  }

  changeService(service: ComputeService, change: ServiceChange, options: ActOptions = {}): Promise<Accepted> {
    const { status, disabledReason, forcedDown } = change;
    const body = {
      ...(status === undefined ? {} : { status }),
      ...(disabledReason === undefined ? {} : { disabled_reason: disabledReason.slice(0, MAX_REASON) }),
      ...(forcedDown === undefined ? {} : { forced_down: forcedDown }),
    };
    return this.#change({ method: 'PUT', path: `/os-services/${part(service.id)}`, body, repeatable: 'safe' }, options);
  }

  /** Nova checks the right first, and refuses a change of nothing (400) only after that. */
  async checkServiceChange(service: ComputeService, options: ActOptions = {}): Promise<void> {
    const path = `/os-services/${part(service.id)}`;
    try {
      await this.#change({ method: 'PUT', path, body: {}, repeatable: 'safe' }, options);
    } catch (error) {
      if (!(error instanceof CloudError && error.status === 400)) throw error;
    }
  }

  listInstances(filter: InstanceFilter, options: CallOptions = {}): Promise<Listing<Instance>> {
    return this.#list(options, (deadline) => instancesOf(this.#compute, filter, this.#options.pageSize, deadline));
  }

  async instance(uuid: string, options: CallOptions = {}): Promise<Instance | undefined> {
    try {
      const { value, start } = await this.#call(options, (deadline) =>
        this.#compute.get(ServerAnswer, `/servers/${part(uuid)}`, {}, deadline),
      );
      return instanceOf(value.server, { start, path: ['server'] }, (words) => this.#compute.quoted(words));
    } catch (error) {
      if (error instanceof CloudError && error.kind === 'not_found') return undefined;
      throw error;
    }
  }

  async listEvacuations(
    { sourceHost, changedSince }: { readonly sourceHost: string; readonly changedSince?: Date },
    options: CallOptions = {},
  ): Promise<Listing<Evacuation>> {
    const { items, ...listing } = await this.#migrations({ sourceHost, type: 'evacuation', changedSince }, options);
    const wanted = items.filter((each) => changedAfter(each, changedSince));
    return { ...listing, items: wanted.flatMap((each) => evacuationOf(each) ?? []) };
  }

  async listMigrations(
    { sourceHost }: { readonly sourceHost: string },
    options: CallOptions = {},
  ): Promise<Listing<MigrationRecord>> {
    const { items, ...listing } = await this.#migrations({ sourceHost }, options);
    const records = items
      .filter((each) => !isOver(each))
      .flatMap((each) => migrationOf(each) ?? [])
      .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
    return { ...listing, items: records };
  }

  evacuate(uuid: string, target: { readonly host?: string }, options: ActOptions = {}): Promise<Accepted> {
    const evacuate = target.host === undefined ? {} : { host: target.host };
    return this.#run(options, this.#options.callTimeoutMs, async (deadline) => {
      const version = await this.#compute.version(deadline);
      if (version >= EVACUATION_STOPS) throw new Error(`evacuate must not be requested at 2.${version}`);
      return this.#compute.change(serverAction(uuid, { evacuate }), options, deadline);
    });
  }

  migrate(uuid: string, type: MigrationType, host: string, options: ActOptions = {}): Promise<Accepted> {
    // Without `force`, so that the scheduler checks the host.
    if (type === 'live') return this.#change(serverAction(uuid, { 'os-migrateLive': liveTo(host) }), options);
    return this.#call(options, async (deadline) => {
      const version = await this.#compute.version(deadline);
      if (version < COLD_MIGRATION_HOSTS) {
        const needed = `a cold migration to a chosen host needs 2.${COLD_MIGRATION_HOSTS} (Queens)`;
        throw new CloudError('refused', `Nova speaks 2.${version} and cannot migrate instance ${uuid}: ${needed}`);
      }
      return this.#compute.change(serverAction(uuid, { migrate: { host } }), options, deadline);
    });
  }

  confirmResize(uuid: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#change(serverAction(uuid, { confirmResize: null }), options);
  }

  stop(uuid: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#change(serverAction(uuid, { 'os-stop': null }), options);
  }

  start(uuid: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#change(serverAction(uuid, { 'os-start': null }), options);
  }

  resetState(uuid: string, state: ResetState, options: ActOptions = {}): Promise<Accepted> {
    return this.#change(serverAction(uuid, { 'os-resetState': { state } }), options);
  }

  reboot(uuid: string, type: RebootType, options: ActOptions = {}): Promise<Accepted> {
    return this.#change(serverAction(uuid, { reboot: { type } }), options);
  }

  rebuild(uuid: string, options: ActOptions = {}): Promise<Accepted> {
    return this.#call(options, async (deadline) => {
      const { value } = await this.#compute.get(answers.ImageAnswer, `/servers/${part(uuid)}`, {}, deadline);
      const imageRef = answers.imageOf(value);
      return this.#compute.change(serverAction(uuid, { rebuild: { imageRef } }), options, deadline);
    });
  }

  async instanceActions(uuid: string, options: CallOptions = {}): Promise<readonly InstanceAction[]> {
    const path = `/servers/${part(uuid)}/os-instance-actions`;
    const { value } = await this.#call(options, (deadline) =>
      this.#compute.get(answers.ActionsAnswer, path, {}, deadline),
    );
    return answers.actionsOf(value);
  }

  async listAggregates(options: CallOptions = {}): Promise<readonly Aggregate[]> {
    const { value } = await this.#list(options, (deadline) =>
      this.#compute.get(answers.AggregatesAnswer, '/os-aggregates', {}, deadline),
    );
    return answers.aggregatesOf(value);
  }

  addHostToAggregate(aggregate: Aggregate, host: string, options: ActOptions = {}): Promise<Accepted> {
    const path = `/os-aggregates/${part(aggregate.id)}/action`;
    return this.#change({ method: 'POST', path, body: { add_host: { host } }, repeatable: 'unless_done' }, options);
  }

  userAddress(userId: string, options: CallOptions = {}): Promise<string | undefined> {
    return this.#call(options, (deadline) => this.#identity.userAddress(userId, deadline));
  }

  projectAddress(projectId: string, options: CallOptions = {}): Promise<string | undefined> {
    return this.#call(options, (deadline) => this.#identity.projectAddress(projectId, deadline));
  }

  close(): Promise<void> {
    return this.#close();
  }

  #migrations(filter: MigrationFilter, options: CallOptions): Promise<Listing<Migration>> {
    return this.#list(options, (deadline) => migrationsOf(this.#compute, filter, this.#options.pageSize, deadline));
  }

  #change(change: Change, options: ActOptions): Promise<Accepted> {
    return this.#call(options, (deadline) => this.#compute.change(change, options, deadline));
  }

  #call<T>(options: CallOptions, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    return this.#run(options, this.#options.callTimeoutMs, work);
  }

  #list<T>(options: CallOptions, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    return this.#run(options, this.#options.listingTimeoutMs, work);
  }

  #run<T>(options: CallOptions, ms: number, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    return bounded(this.description, options, ms, work);
  }
}

function serverAction(uuid: string, body: object): Change {
  return { method: 'POST', path: `/servers/${part(uuid)}/action`, body, repeatable: 'unless_done' };
}

/** `auto`: Nova detects whether the disks are shared or have to be copied. */
function liveTo(host: string): object {
  return { host, block_migration: 'auto' };
}

function part(text: string): string {
  return encodeURIComponent(text);
}
