/**
 * What tasks ask of a cloud. Two implementations stand behind it: `openstack/` (Keystone, Nova, Mistral) and `simulated/`.
 *
 * Invariant: an implementation never repeats a call that changes the cloud unless it knows that the cloud did not carry
 * it out. When it cannot know, it throws `CloudError` of kind `unknown`, and the caller asks the world before it acts again.
 */

import type { Workflows } from './workflows.ts';

/** Nova's `OS-EXT-STS:vm_state`, as the server stores it. Other words than these can appear and are kept as they are. */
export type VmState = string;

/** Nova's `OS-EXT-STS:power_state`: 0 no state, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended. */
export const POWER_STATE = { NOSTATE: 0, RUNNING: 1, PAUSED: 3, SHUTDOWN: 4, CRASHED: 6, SUSPENDED: 7 } as const;

/**
 * One instance (Nova: server), as a listing shows it to an administrator.
 *
 * Of an instance in a cell that does not answer, and of a record in a list that cannot be read, no more is known than the uuid: host
 * null and vmState `unknown` (`isPartial` in `reading.ts`). The other fields of such a one mean nothing.
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
  /** Who made it. */
  readonly userId: string;
  /** Nova's words on what brought it into state error, on one line, e.g. why an evacuation found no host. */
  readonly fault?: string;
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
  /** When Nova last noted anything of it, by its own clock: a heartbeat, or a change by somebody. Null where it does not tell. */
  readonly updatedAt: Date | null;
}

/** What to change of a compute service, in one call. */
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
  /** `accepted`, `pre-migrating`, `done`, `completed`, `failed`, `error`, … as Nova says it. */
  readonly status: string;
  readonly createdAt: Date;
}

/** An entry of what was asked of an instance (Nova's `os-instance-actions`). It stands there before Nova answers the call. */
export interface InstanceAction {
  /** `reboot`, `rebuild`, `evacuate`, `stop`, `live-migration`, `migrate`, `confirmResize`, … */
  readonly action: string;
  /** Nova's own id of the request, the same as `Accepted.requestId`. */
  readonly requestId: string;
  /** Nova noted that it ended in an error. */
  readonly isFailed: boolean;
  /** When Nova recorded the request, by Nova's clock. Null where Nova gives no time. */
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
  /** Nova's word: `queued`, `preparing`, `running`, `pre-migrating`, `migrating`, `post-migrating`, `finished`, `error`, … */
  readonly status: string;
  readonly createdAt: Date;
}

/** `live`: it runs on while its memory is copied. `cold`: it is off, and afterwards in state `resized` until that is confirmed. */
export type MigrationType = 'live' | 'cold';

/** HARD: power off and on. SOFT: the guest is asked first. */
export type RebootType = 'HARD' | 'SOFT';

export interface Aggregate {
  readonly id: string;
  readonly name: string;
  readonly hosts: readonly string[];
}

/** A listing together with the cloud's own time at which it was true: never compare it with this machine's clock. */
export interface Listing<T> {
  readonly items: readonly T[];
  /** The cloud's clock (HTTP `Date`, whole seconds) when the first page was answered. */
  readonly at: Date;
  /** Pages that it was read in; one where it is not given. Between two pages a cell may go down, which leaves the rest out. */
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
  /** Whether hosts of cells that are down are among them (Nova lists these since 2.69, and leaves them out before). */
  readonly isComplete: boolean;
}

/** The answer to a call that changes something. */
export interface Accepted {
  /** Nova's `x-openstack-request-id`, or null where it gave none. */
  readonly requestId: string | null;
}

/** State words that `resetState` can set (Nova's `os-resetState`). */
export type ResetState = 'active' | 'error';

/**
 * Keeps an engine that lost its reign from acting. A cloud asks `confirm` before each call that changes something, and
 * `isFresh` again, synchronously, at the last moment before the request's first byte leaves.
 */
export interface ActGuard {
  /** Resolves once the reign is known to be ours and recent; rejects when it is lost. */
  confirm(): Promise<void>;
  /** Whether the last confirmation is recent enough to act on (a frozen and thawed process finds it is not). */
  isFresh(): boolean;
}

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** `question`: a monitor's, which never waits in front of a recovery's call. As delivered `recovery`. */
  readonly urgency?: 'recovery' | 'question' | undefined;
}

/** What every call that changes something takes. */
export interface ActOptions extends CallOptions {
  /** Sent along as the global request id (`req-<uuid>`), so that the cloud's logs name our flow. */
  readonly globalRequestId?: string;
}

/** Calls made since the start, by service: `identity` (Keystone) and `compute` (Nova). */
export interface CallCounts {
  readonly identity: number;
  readonly compute: number;
}

export interface Cloud {
  /** A short name for messages, e.g. `openstack https://…` or `simulated`; never a secret. */
  readonly description: string;

  /** Whether the cloud answers and takes our credentials; throws `CloudError` when not. */
  check(options?: CallOptions): Promise<void>;

  /** The `nova-compute` service of a host; undefined where Nova knows none. Kind `no_answer` where its cell is down. */
  computeService(host: string, options?: CallOptions): Promise<ComputeService | undefined>;
  /** The hosts of all nova-compute services. */
  computeHosts(options?: CallOptions): Promise<HostNamesList>;
  /** Safe to repeat: it names the wanted state. */
  changeService(service: ComputeService, change: ServiceChange, options?: ActOptions): Promise<Accepted>;

  /** All pages. */
  listInstances(filter: InstanceFilter, options?: CallOptions): Promise<Listing<Instance>>;
  /** Undefined when Nova itself says that it does not exist. Partial where its cell is down: use `readInstance` for decisions. */
  instance(uuid: string, options?: CallOptions): Promise<Instance | undefined>;
  /** All pages of the evacuations away from a host; `changedSince` in the cloud's time. */
  listEvacuations(
    filter: { readonly sourceHost: string; readonly changedSince?: Date },
    options?: CallOptions,
  ): Promise<Listing<Evacuation>>;

  /** All pages of the migrations of every type away from a host that Nova does not call over, newest first. */
  listMigrations(filter: { readonly sourceHost: string }, options?: CallOptions): Promise<Listing<MigrationRecord>>;

  /**
   * Asks for the evacuation of an instance, to `targetHost` or wherever the scheduler likes. The cloud accepts a second
   * one while the first runs, so the caller must know that there is none.
   */
  evacuate(uuid: string, target: { readonly host?: string }, options?: ActOptions): Promise<Accepted>;
  /**
   * Asks for the migration of an instance to a host, which the scheduler checks. Refused where another task is going on, and
   * where the host takes no instances.
   */
  migrate(uuid: string, type: MigrationType, host: string, options?: ActOptions): Promise<Accepted>;
  /** Ends a cold migration: what lies on the old host is removed. */
  confirmResize(uuid: string, options?: ActOptions): Promise<Accepted>;
  stop(uuid: string, options?: ActOptions): Promise<Accepted>;
  start(uuid: string, options?: ActOptions): Promise<Accepted>;
  resetState(uuid: string, state: ResetState, options?: ActOptions): Promise<Accepted>;
  reboot(uuid: string, type: RebootType, options?: ActOptions): Promise<Accepted>;
  /** Makes the instance anew on its host from the image it was made from; `refused` when it has none. Its root disk is lost. */
  rebuild(uuid: string, options?: ActOptions): Promise<Accepted>;
  /** What was asked of an instance, newest first; kind `not_found` when it does not exist. */
  instanceActions(uuid: string, options?: CallOptions): Promise<readonly InstanceAction[]>;

  listAggregates(options?: CallOptions): Promise<readonly Aggregate[]>;
  /** Kind `conflict` when the host is in it already. */
  addHostToAggregate(aggregate: Aggregate, host: string, options?: ActOptions): Promise<Accepted>;

  readonly workflows: Workflows;
  /** The mail address of a user, as Keystone has it; undefined where it has none, or no such user. */
  userAddress(userId: string, options?: CallOptions): Promise<string | undefined>;
  /** The same of a project: its property `email`. */
  projectAddress(projectId: string, options?: CallOptions): Promise<string | undefined>;

  readonly calls: CallCounts;
  close(): Promise<void>;
}

/**
 * Why a call failed, and so what may be done next:
 * - `unreachable`: it never left (connection refused, name not found, no token): may be repeated.
 * - `busy`: the cloud said it did not do it, try later (429; with Retry-After 413 and the service's own 503): may be repeated after
 *   `retryAfter`.
 * - `no_answer`: a read was answered, but the answer does not tell of the object: its cell is down, or the list may be incomplete.
 *   The message names the object and, where known, the cell's host. Nothing may be concluded from it.
 * - `unknown`: it left and the answer was lost, timed out, was a 5xx, or came from something in between (a 404 or 503 of a proxy): read
 *   the state before anything is repeated. Of a read: the answer is not one of the service, or lacks what it always has.
 * - `not_found` (the service's own 404), `conflict` (409), `refused` (400 and other 4xx): the cloud did not do it, and said why. A 404 to
 *   a change may be about its target (`Compute host c9 not found.`): the instance is gone only if a read of itself says so.
 * - `unauthorized`: credentials or rights are wrong (401 after a new token, 403): nothing was done.
 */
export type CloudErrorKind =
  | 'unreachable'
  | 'busy'
  | 'no_answer'
  | 'unknown'
  | 'not_found'
  | 'conflict'
  | 'refused'
  | 'unauthorized';

export class CloudError extends Error {
  override readonly name = 'CloudError';
  readonly kind: CloudErrorKind;
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** Seconds to wait before another try, as the cloud asked. */
  readonly retryAfter: number | undefined;

  constructor(
    kind: CloudErrorKind,
    message: string,
    details: { status?: number; requestId?: string; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.status = details.status;
    this.requestId = details.requestId;
    this.retryAfter = details.retryAfter;
  }
}

const OUTAGES: ReadonlySet<CloudErrorKind> = new Set(['unreachable', 'busy', 'no_answer', 'unknown']);

/** Whether waiting may cure it: the cloud is away or busy, and nothing is wrong with what was asked. */
export function isOutage(error: unknown): error is CloudError {
  return error instanceof CloudError && OUTAGES.has(error.kind);
}
