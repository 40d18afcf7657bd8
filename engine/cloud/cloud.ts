/**
 * The operations that tasks use of a cloud. There are two implementations: `openstack-cloud.ts` (Keystone, Nova, Mistral) and `simulated/`.
 *
 * Invariant: an implementation never repeats a call that changes the cloud unless it knows that the cloud did not carry it out. If it
 * cannot know, it throws `CloudError` of kind `unknown`, and the caller reads the state before it acts again.
 */

import type { CallOptions } from '#openstack/http/call.ts';
import type { Accepted, ActOptions } from './call.ts';
import type { Workflows } from './workflows.ts';

/** Nova's `OS-EXT-STS:vm_state`, as the server stores it. Other values can appear and are kept unchanged. */
export type VmState = string;

/** Nova's `OS-EXT-STS:power_state`: 0 no state, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended. */
export const POWER_STATE = { NOSTATE: 0, RUNNING: 1, PAUSED: 3, SHUTDOWN: 4, CRASHED: 6, SUSPENDED: 7 } as const;

/**
 * One instance (Nova: server), as a listing shows it to an administrator.
 *
 * Of an instance in a cell that does not respond, and of a record in a list that cannot be read, only the uuid is known: host null and
 * vmState `unknown` (`isPartial` in `reading.ts`). The other fields of such an instance mean nothing.
 */
export interface Instance {
  readonly uuid: string;
  readonly name: string;
  /** Nova's `OS-EXT-SRV-ATTR:host`: the compute service the instance belongs to; null while it has none. */
  readonly host: string | null;
  readonly vmState: VmState;
  /** Null when Nova does nothing with the instance. */
  readonly taskState: string | null;
  readonly powerState: number;
  readonly locked: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  readonly projectId: string;
  /** The user who created it. */
  readonly userId: string;
  /** Nova's reason for the state error, on one line, e.g. why an evacuation found no host. */
  readonly fault?: string;
  /** Of its ports, fixed and floating ones. Absent where only the uuid is known. */
  readonly addresses?: readonly string[];
  /** Absent where only the uuid is known. */
  readonly properties?: InstanceProperties;
}

/** What an instance was built from, and its tags. Null: Nova does not show it to our user. */
export interface InstanceProperties {
  /** The name that its flavor had when it was built. */
  readonly flavor: string | null;
  /** Of that flavor, at that time. */
  readonly extraSpecs: Readonly<Record<string, string>> | null;
  /** The ID of its image; empty if it boots from a volume. */
  readonly image: string | null;
  readonly tags: readonly string[] | null;
}

/** A `nova-compute` service. */
export interface ComputeService {
  readonly id: string;
  readonly host: string;
  readonly status: 'enabled' | 'disabled';
  /** `up` while its heartbeats arrive and it is not forced down. */
  readonly state: 'up' | 'down';
  readonly forcedDown: boolean;
  readonly disabledReason: string | null;
  /** When Nova last updated its record, by Nova's clock: a heartbeat, or a change by a user. Null if Nova does not return it. */
  readonly updatedAt: Date | null;
}

/** Changes of a compute service, in one call. */
export interface ServiceChange {
  readonly status?: 'enabled' | 'disabled';
  readonly disabledReason?: string;
  readonly forcedDown?: boolean;
}

/** A migration record of type `evacuation`. */
export interface Evacuation {
  /** Unique for ever: Nova's migration uuid, or `id:<number>` where the microversion has none (below 2.59). */
  readonly id: string;
  readonly instanceUuid: string;
  readonly sourceHost: string;
  readonly destinationHost: string | null;
  /** Nova's status: `accepted`, `pre-migrating`, `done`, `completed`, `failed`, `error`, … */
  readonly status: string;
  readonly createdAt: Date;
}

/** An entry of the requests for an instance (Nova's `os-instance-actions`). Nova stores it before it responds to the call. */
export interface InstanceAction {
  /** `reboot`, `rebuild`, `evacuate`, `stop`, `live-migration`, `migrate`, `confirmResize`, … */
  readonly action: string;
  /** Nova's own id of the request, the same as `Accepted.requestId`. */
  readonly requestId: string;
  /** Nova stored that it ended in an error. */
  readonly isFailed: boolean;
  /** When Nova recorded the request, by Nova's clock. Null if Nova gives no time. */
  readonly startedAt: Date | null;
  /** The user who requested it. Null for Nova itself, e.g. the power synchronisation of nova-compute. */
  readonly userId: string | null;
}

/** A migration record of any type, of an instance that leaves a host. */
export interface MigrationRecord {
  /** Unique for ever: Nova's migration uuid, or `id:<number>` where the microversion has none (below 2.59). */
  readonly id: string;
  readonly type: 'evacuation' | 'live-migration' | 'migration' | 'resize';
  readonly instanceUuid: string;
  readonly sourceHost: string;
  readonly destinationHost: string | null;
  /** Nova's status: `queued`, `preparing`, `running`, `pre-migrating`, `migrating`, `post-migrating`, `finished`, `error`, … */
  readonly status: string;
  readonly createdAt: Date;
}

/** `live`: it runs while its memory is copied. `cold`: it is off, and afterwards in state `resized` until that is confirmed. */
export type MigrationType = 'live' | 'cold';

/** HARD: power off and on. SOFT: the guest is requested to reboot first. */
export type RebootType = 'HARD' | 'SOFT';

export interface Aggregate {
  readonly id: string;
  readonly name: string;
  readonly hosts: readonly string[];
}

/** A listing together with the cloud's own time at which it was true: never compare it with this machine's clock. */
export interface Listing<T> {
  readonly items: readonly T[];
  /** The cloud's clock (HTTP `Date`, whole seconds) in the response with the first page. */
  readonly at: Date;
  /** Number of pages of the list; one by default. Between two pages a cell may go down, which leaves its entries out. */
  readonly pages?: number;
}

export interface InstanceFilter {
  /** Only instances of this compute host. */
  readonly host?: string;
  /** Only instances that changed at or after this time of the cloud's clock; includes deleted ones (vmState `deleted`). */
  readonly changedSince?: Date;
}

/** The names that Nova has for compute hosts. */
export interface HostNamesList {
  readonly names: readonly string[];
  /** Those whose service is forced down: they were fenced or recovered, and have not returned. */
  readonly forcedDown: readonly string[];
  /** Those whose service has stopped its reports to Nova and is not forced down. */
  readonly silent: readonly string[];
  /** Services without which Nova evacuates nothing (nova-scheduler, nova-conductor) of which none reports. */
  readonly deadServices: readonly string[];
  /** Whether hosts of cells that are down are among them (Nova lists these since 2.69, and omits them before). */
  readonly isComplete: boolean;
}

/** States that `resetState` can set (Nova's `os-resetState`). */
export type ResetState = 'active' | 'error';

/** Calls made since the start, by service: `identity` (Keystone) and `compute` (Nova). */
export interface CallCounts {
  readonly identity: number;
  readonly compute: number;
}

/** The identity that the cloud gives us. */
export interface CloudAccess {
  /** Names of the token's roles. Undefined if Keystone does not list them. */
  readonly roles: readonly string[] | undefined;
  /** User, scope and version of the API, e.g. `user agent, project service, Nova API 2.93`; never a secret. */
  readonly description: string;
}

export interface Cloud {
  /** A short name for messages, e.g. `openstack https://…` or `simulated`; never a secret. */
  readonly description: string;

  /** Checks that the cloud responds and accepts our credentials; throws `CloudError` otherwise. */
  check(options?: CallOptions): Promise<void>;

  /** Gets a token and negotiates the version of the API; throws as `check` does. */
  access(options?: CallOptions): Promise<CloudAccess>;

  /** The `nova-compute` service of a host; undefined if Nova has none. Kind `no_answer` if its cell is down. */
  computeService(host: string, options?: CallOptions): Promise<ComputeService | undefined>;
  /** The hosts of all nova-compute services. */
  computeHosts(options?: CallOptions): Promise<HostNamesList>;
  /** Safe to repeat: it states the desired state. */
  changeService(service: ComputeService, change: ServiceChange, options?: ActOptions): Promise<Accepted>;

  /**
   * Checks the right to change this service by a change of nothing.
   *
   * @throws CloudError of kind `unauthorized` without the right
   */
  checkServiceChange(service: ComputeService, options?: ActOptions): Promise<void>;

  /** All pages. */
  listInstances(filter: InstanceFilter, options?: CallOptions): Promise<Listing<Instance>>;
  /** Undefined if Nova itself reports that it does not exist. Partial if its cell is down: use `readInstance` for decisions. */
  instance(uuid: string, options?: CallOptions): Promise<Instance | undefined>;
  /** All pages of the evacuations away from a host; `changedSince` in the cloud's time. */
  listEvacuations(
    filter: { readonly sourceHost: string; readonly changedSince?: Date },
    options?: CallOptions,
  ): Promise<Listing<Evacuation>>;

  /** All pages of the migrations of every type away from a host that are not over in Nova, newest first. */
  listMigrations(filter: { readonly sourceHost: string }, options?: CallOptions): Promise<Listing<MigrationRecord>>;

  /**
   * Requests the evacuation of an instance, to `targetHost` or to a host that the scheduler chooses. The cloud accepts a second one while
   * the first runs, so the caller must know that there is none.
   */
  evacuate(uuid: string, target: { readonly host?: string }, options?: ActOptions): Promise<Accepted>;
  /**
   * Requests the migration of an instance to a host, which the scheduler checks. Refused during another task of the instance, and if the
   * host accepts no instances.
   */
  migrate(uuid: string, type: MigrationType, host: string, options?: ActOptions): Promise<Accepted>;
  /** Ends a cold migration: the copy on the old host is removed. */
  confirmResize(uuid: string, options?: ActOptions): Promise<Accepted>;
  stop(uuid: string, options?: ActOptions): Promise<Accepted>;
  start(uuid: string, options?: ActOptions): Promise<Accepted>;
  resetState(uuid: string, state: ResetState, options?: ActOptions): Promise<Accepted>;
  reboot(uuid: string, type: RebootType, options?: ActOptions): Promise<Accepted>;
  /** Rebuilds the instance on its host from the image it was created from; `refused` if it has none. Its root disk is lost. */
  rebuild(uuid: string, options?: ActOptions): Promise<Accepted>;
  /** The requests for an instance, newest first; kind `not_found` if it does not exist. */
  instanceActions(uuid: string, options?: CallOptions): Promise<readonly InstanceAction[]>;

  listAggregates(options?: CallOptions): Promise<readonly Aggregate[]>;
  /** Kind `conflict` if the host is in it already. */
  addHostToAggregate(aggregate: Aggregate, host: string, options?: ActOptions): Promise<Accepted>;

  readonly workflows: Workflows;
  /** The mail address of a user in Keystone; undefined if it has none, or there is no such user. */
  userAddress(userId: string, options?: CallOptions): Promise<string | undefined>;
  /** The same of a project: its property `email`. */
  projectAddress(projectId: string, options?: CallOptions): Promise<string | undefined>;

  readonly calls: CallCounts;
  close(): Promise<void>;
}
