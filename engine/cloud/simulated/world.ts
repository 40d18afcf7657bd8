/**
 * A small cloud that behaves as Nova does where recovery depends on it, in simulated or real time and replayable by seed.
 *
 * It accepts a second evacuation of an instance while the first runs, as Nova does, and counts it: what must never happen
 * is seen here, not prevented. What takes time happens when its time has come and somebody looks.
 */
import {
  type Aggregate,
  CloudError,
  type Evacuation,
  type Instance,
  type InstanceAction,
  type MigrationRecord,
  type MigrationType,
  POWER_STATE,
  type ResetState,
} from '../cloud.ts';
import { Random } from './random.ts';
import { WorkflowWorld } from './workflow-world.ts';

export interface WorldClock {
  now(): number;
}

/** How the cloud behaves; times in ms, chances 0–1 for each call that changes something. */
export interface Behaviour {
  /** From an accepted evacuation to the arrival, between the two. */
  readonly rebuildMs: readonly [number, number];
  readonly powerMs: number;
  /** The request gets lost on the way: nothing happens. */
  readonly lostRequests: number;
  /** The reply gets lost: it happened. */
  readonly lostReplies: number;
  /** Nothing of the cloud answers. */
  readonly isAway: boolean;
  /** The request for an evacuation sits in a queue: its answer does not come, and it happens `lateMs` later. */
  readonly lateEvacuations: number;
  readonly lateMs: readonly [number, number];
  /** An evacuation ends in error, as after a conflict in Placement. */
  readonly failedEvacuations: number;
  /** From an accepted migration to the arrival, between the two. */
  readonly migrationMs: readonly [number, number];
  /** A migration does not succeed: the instance stays where it is, after a cold one in error. */
  readonly failedMigrations: number;
  /** After so long Nova confirms a cold migration by itself (its option resize_confirm_window); null: never. */
  readonly confirmsAfterMs: number | null;
  /** From the return of a host until its nova-compute has cleaned up what was evacuated, and takes orders. */
  readonly computeStartMs: number;
}

export const CALM: Behaviour = {
  rebuildMs: [1500, 4000],
  powerMs: 500,
  lostRequests: 0,
  lostReplies: 0,
  isAway: false,
  lateEvacuations: 0,
  lateMs: [500, 8000],
  failedEvacuations: 0,
  migrationMs: [1500, 4000],
  failedMigrations: 0,
  confirmsAfterMs: null,
  computeStartMs: 3000,
};

/** nova-compute's report_interval. */
const HEARTBEAT_MS = 10_000;

interface Host {
  readonly name: string;
  readonly id: string;
  readonly capacity: number;
  status: 'enabled' | 'disabled';
  disabledReason: string | null;
  forcedDown: boolean;
  isAlive: boolean;
  /** Of its service: the last heartbeat before a death, or a change by somebody. */
  updatedAt: number;
  deaths: number;
}

type MutableInstance = { -readonly [K in keyof Instance]: Instance[K] } & { changedAt: number };
type MutableEvacuation = { -readonly [K in keyof Evacuation]: Evacuation[K] } & { changedAt: number };

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly happen: () => void;
}

export interface WorldCounts {
  /** Evacuations the cloud accepted, by instance. */
  readonly accepted: Readonly<Record<string, number>>;
  /** Accepted while another one of the same instance was going on, or after it had left the host. */
  readonly duplicates: number;
}

export class World {
  readonly hosts = new Map<string, Host>();
  readonly instances = new Map<string, MutableInstance>();
  readonly evacuations: MutableEvacuation[] = [];
  readonly aggregates = new Map<string, { id: string; name: string; hosts: string[] }>();
  /** Mail addresses, by id. */
  readonly userAddresses = new Map<string, string>();
  readonly projectAddresses = new Map<string, string>();
  readonly random: Random;
  readonly workflows: WorkflowWorld;
  behaviour: Behaviour;

  readonly #clock: WorldClock;
  readonly #accepted = new Map<string, number>();
  readonly #actions = new Map<string, InstanceAction[]>();
  readonly #migrations = new Map<string, number>();
  readonly #migrationRecords: { -readonly [K in keyof MigrationRecord]: MigrationRecord[K] }[] = [];
  readonly #confirming = new Set<string>();
  #pending: Pending[] = [];
  #order = 0;
  #duplicates = 0;

  constructor(clock: WorldClock, seed: number, behaviour: Behaviour = CALM) {
    this.#clock = clock;
    this.random = new Random(seed);
    this.workflows = new WorkflowWorld(clock);
    this.behaviour = behaviour;
  }

  get counts(): WorldCounts {
    return { accepted: Object.fromEntries(this.#accepted), duplicates: this.#duplicates };
  }

  /** Migrations the cloud accepted, by instance; it refuses one while another goes on. */
  get migrations(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#migrations);
  }

  now(): number {
    return this.#clock.now();
  }

  addHost(name: string, capacity = 1000, change: Partial<Pick<Host, 'status' | 'disabledReason'>> = {}): void {
    const host: Host = {
      name,
      id: this.random.uuid(),
      capacity,
      status: 'enabled',
      disabledReason: null,
      forcedDown: false,
      isAlive: true,
      updatedAt: this.now(),
      deaths: 0,
      ...change,
    };
    this.hosts.set(name, host);
  }

  addInstance(host: string, change: Partial<Instance> = {}): Instance {
    const uuid = change.uuid ?? this.random.uuid();
    const vmState = change.vmState ?? 'active';
    const instance: MutableInstance = {
      uuid,
      name: `instance-${this.instances.size + 1}`,
      host,
      vmState,
      taskState: null,
      powerState: vmState === 'active' ? POWER_STATE.RUNNING : POWER_STATE.SHUTDOWN,
      locked: false,
      metadata: {},
      projectId: 'demo',
      userId: 'alice',
      ...change,
      changedAt: this.now(),
    };
    this.instances.set(uuid, instance);
    return instance;
  }

  /** The host loses power: its service is seen as down, its instances stay as Nova last knew them. */
  kill(name: string): void {
    const host = this.hosts.get(name);
    if (!host) return;
    host.updatedAt = this.updatedAtOf(host);
    host.isAlive = false;
    host.deaths += 1;
  }

  /** nova-compute tells of itself every ten seconds. */
  updatedAtOf({ isAlive, updatedAt }: Host): number {
    return isAlive ? Math.max(updatedAt, Math.floor(this.now() / HEARTBEAT_MS) * HEARTBEAT_MS) : updatedAt;
  }

  stateOf(host: Host): 'up' | 'down' {
    return host.isAlive && !host.forcedDown ? 'up' : 'down';
  }

  /** Power again: nova-compute starts, removes what was evacuated from there, and says so in the records. */
  comeBack(name: string): void {
    const host = this.requireHost(name);
    this.#later(this.behaviour.computeStartMs, () => {
      host.isAlive = true;
      for (const one of this.evacuations) {
        if (one.sourceHost !== name || OVER.has(one.status)) continue;
        Object.assign(one, { status: 'completed', changedAt: this.now() });
      }
    });
  }

  /** Nova does not take a host as up whose evacuated instances may still lie there. */
  requireCleaned({ name }: Host): void {
    const left = this.evacuations.filter(({ sourceHost, status }) => sourceHost === name && status === 'done').length;
    if (left === 0) return;
    const message = `service of ${name} cannot be un-forced: ${left} evacuations are done and not yet cleaned up`;
    throw new CloudError('refused', message, { status: 400 });
  }

  /** Lets everything happen whose time has come. */
  catchUp(): void {
    for (;;) {
      const now = this.now();
      const [next] = this.#pending.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at || a.order - b.order);
      if (!next) return;
      this.#pending = this.#pending.filter((one) => one !== next);
      next.happen();
    }
  }

  requireHost(name: string): Host {
    const host = this.hosts.get(name);
    if (!host) throw new CloudError('not_found', `host ${name} could not be found`, { status: 404 });
    return host;
  }

  requireInstance(uuid: string): MutableInstance {
    const instance = this.instances.get(uuid);
    if (!instance) throw new CloudError('not_found', `instance ${uuid} could not be found`, { status: 404 });
    return instance;
  }

  evacuate(uuid: string, target: string | undefined): void {
    const instance = this.requireInstance(uuid);
    const source = this.requireHost(instance.host ?? '');
    if (this.stateOf(source) === 'up') {
      throw new CloudError('refused', `compute service of ${source.name} is still in use`, { status: 400 });
    }
    if (!['active', 'stopped', 'error'].includes(instance.vmState)) {
      throw new CloudError('conflict', `cannot evacuate instance ${uuid} while it is in vm_state ${instance.vmState}`, {
        status: 409,
      });
    }
    if (this.evacuations.some((one) => one.instanceUuid === uuid && isOpen(one) && one.sourceHost === source.name)) {
      this.#duplicates += 1;
    }
    this.#accepted.set(uuid, (this.#accepted.get(uuid) ?? 0) + 1);
    const evacuation: MutableEvacuation = {
      id: this.random.uuid(),
      instanceUuid: uuid,
      sourceHost: source.name,
      destinationHost: null,
      status: 'accepted',
      createdAt: new Date(this.now()),
      changedAt: this.now(),
    };
    this.evacuations.push(evacuation);
    this.#change(instance, { taskState: 'rebuilding' });
    const fails = this.random.next() < this.behaviour.failedEvacuations;
    this.#later(this.random.between(...this.behaviour.rebuildMs), () =>
      this.#arrive(instance, evacuation, target, fails),
    );
  }

  /** As `evacuate`, some time from now; what the cloud has against it by then nobody hears. */
  evacuateLate(uuid: string, target: string | undefined): void {
    this.#later(this.random.between(...this.behaviour.lateMs), () => {
      try {
        this.evacuate(uuid, target);
      } catch (error) {
        if (!(error instanceof CloudError)) throw error;
      }
    });
  }

  /** @param requestId of the engine's request; without one Nova itself stops it, as the power synchronisation of nova-compute does */
  stop(uuid: string, requestId?: string): void {
    const instance = this.requireInstance(uuid);
    if ((instance.vmState !== 'active' && instance.vmState !== 'error') || instance.taskState !== null) {
      throw new CloudError('conflict', `cannot stop instance ${uuid} while it is in vm_state ${instance.vmState}`, {
        status: 409,
      });
    }
    this.#note(uuid, 'stop', requestId ?? `req-${this.random.uuid()}`, requestId === undefined ? null : AGENT);
    this.#change(instance, { taskState: 'powering-off' });
    this.#later(this.behaviour.powerMs, () =>
      this.#change(instance, { vmState: 'stopped', taskState: null, powerState: POWER_STATE.SHUTDOWN }),
    );
  }

  start(uuid: string): void {
    const instance = this.requireInstance(uuid);
    if (instance.vmState !== 'stopped' || instance.taskState !== null) {
      throw new CloudError('conflict', `cannot start instance ${uuid} while it is in vm_state ${instance.vmState}`, {
        status: 409,
      });
    }
    this.#change(instance, { taskState: 'powering-on' });
    this.#later(this.behaviour.powerMs, () =>
      this.#change(instance, { vmState: 'active', taskState: null, powerState: POWER_STATE.RUNNING }),
    );
  }

  resetState(uuid: string, state: ResetState): void {
    this.#change(this.requireInstance(uuid), { vmState: state, taskState: null });
  }

  reboot(uuid: string, requestId: string): void {
    this.#actOn(uuid, 'reboot', 'rebooting', requestId, () => ({ vmState: 'active', powerState: POWER_STATE.RUNNING }));
  }

  rebuild(uuid: string, requestId: string): void {
    this.#actOn(uuid, 'rebuild', 'rebuilding', requestId, ({ vmState }) =>
      vmState === 'stopped' ? {} : { vmState: 'active', powerState: POWER_STATE.RUNNING },
    );
  }

  migrate(uuid: string, type: MigrationType, target: string, requestId: string): void {
    const instance = this.requireInstance(uuid);
    const source = instance.host ?? '';
    const from = type === 'live' ? ['active', 'paused'] : ['active', 'stopped'];
    if (!from.includes(instance.vmState) || instance.taskState !== null) {
      const state = `vm_state ${instance.vmState}, task_state ${instance.taskState ?? 'none'}`;
      throw new CloudError('conflict', `cannot migrate instance ${uuid} while it is in ${state}`, { status: 409 });
    }
    if (!this.#takesInstances(target) || source === target || !this.hosts.get(source)?.isAlive) {
      throw new CloudError('refused', `no valid host was found to migrate instance ${uuid}`, { status: 400 });
    }
    this.#note(uuid, type === 'live' ? 'live-migration' : 'migrate', requestId);
    this.#migrations.set(uuid, (this.#migrations.get(uuid) ?? 0) + 1);
    this.#change(instance, { taskState: type === 'live' ? 'migrating' : 'resize_prep' });
    const { deaths } = this.requireHost(target);
    const record = {
      id: this.random.uuid(),
      type: type === 'live' ? ('live-migration' as const) : ('migration' as const),
      instanceUuid: uuid,
      sourceHost: source,
      destinationHost: target,
      status: type === 'live' ? 'running' : 'migrating',
      createdAt: new Date(this.now()),
    };
    this.#migrationRecords.push(record);
    const fails = this.random.next() < this.behaviour.failedMigrations;
    this.#later(this.random.between(...this.behaviour.migrationMs), () => {
      record.status = 'error';
      if (instance.vmState === 'deleted') return;
      const arrives = !fails && this.requireHost(target).deaths === deaths;
      const moved = type === 'live' ? { host: target } : { host: target, vmState: 'resized' };
      // As Nova: one that runs goes on where it is, one whose disk is half copied is in error there.
      const stays = type === 'live' ? {} : { vmState: 'error' };
      if (arrives) record.status = type === 'live' ? 'completed' : 'finished';
      this.#change(instance, { ...(arrives ? moved : stays), taskState: null });
      const { confirmsAfterMs } = this.behaviour;
      if (confirmsAfterMs !== null) this.#later(confirmsAfterMs, () => this.#confirmed(instance));
    });
  }

  /** The task state stays empty meanwhile, as with Nova. */
  confirmResize(uuid: string, requestId: string): void {
    const instance = this.requireInstance(uuid);
    if (instance.vmState !== 'resized' || this.#confirming.has(uuid)) {
      throw new CloudError('refused', `instance ${uuid} has no migration that could be confirmed`, { status: 400 });
    }
    this.#note(uuid, 'confirmResize', requestId);
    this.#confirming.add(uuid);
    this.#later(this.behaviour.powerMs, () => {
      this.#confirming.delete(uuid);
      this.#confirmed(instance);
    });
  }

  #confirmed(instance: MutableInstance): void {
    if (instance.vmState !== 'resized') return;
    this.#change(instance, { vmState: instance.powerState === POWER_STATE.SHUTDOWN ? 'stopped' : 'active' });
  }

  /** Migrations of every type away from a host that are not over, newest first. */
  migrationsFrom(host: string): readonly MigrationRecord[] {
    const evacuations = this.evacuations.map(({ changedAt: _, ...one }) => ({ ...one, type: 'evacuation' as const }));
    return [...this.#migrationRecords, ...evacuations]
      .filter(({ sourceHost, status }) => sourceHost === host && !OVER.has(status) && status !== 'done')
      .reverse();
  }

  /** What reboots, rebuilds and migrations were asked for, newest first. */
  actionsOf(uuid: string): readonly InstanceAction[] {
    this.requireInstance(uuid);
    return this.#actions.get(uuid) ?? [];
  }

  /** A user deletes an instance. */
  delete(uuid: string): void {
    this.#change(this.requireInstance(uuid), { vmState: 'deleted', taskState: null, host: null });
  }

  addToAggregate(id: string, host: string): void {
    const aggregate = this.aggregates.get(id);
    if (!aggregate) throw new CloudError('not_found', `aggregate ${id} could not be found`, { status: 404 });
    if (aggregate.hosts.includes(host)) {
      throw new CloudError('conflict', `host ${host} is in aggregate ${id} already`, { status: 409 });
    }
    aggregate.hosts.push(host);
  }

  addAggregate(name: string, hosts: readonly string[]): Aggregate {
    const aggregate = { id: String(this.aggregates.size + 1), name, hosts: [...hosts] };
    this.aggregates.set(aggregate.id, aggregate);
    return aggregate;
  }

  #arrive(instance: MutableInstance, evacuation: MutableEvacuation, target: string | undefined, fails: boolean): void {
    if (instance.vmState === 'deleted' || instance.host !== evacuation.sourceHost) {
      Object.assign(evacuation, { status: 'failed', changedAt: this.now() });
      return;
    }
    const destination = fails ? undefined : this.#schedule(target);
    if (!destination) {
      Object.assign(evacuation, { status: 'error', changedAt: this.now() });
      this.#change(instance, { vmState: 'error', taskState: null });
      return;
    }
    const vmState = instance.vmState === 'stopped' ? 'stopped' : 'active';
    const powerState = vmState === 'stopped' ? POWER_STATE.SHUTDOWN : POWER_STATE.RUNNING;
    Object.assign(evacuation, { status: 'done', destinationHost: destination, changedAt: this.now() });
    this.#change(instance, { host: destination, vmState, powerState, taskState: null });
  }

  /** The named host, or the emptiest that is up, enabled and has room. */
  #schedule(target: string | undefined): string | undefined {
    const load = (name: string): number => [...this.instances.values()].filter(({ host }) => host === name).length;
    const fit = [...this.hosts.values()]
      .filter((host) => this.stateOf(host) === 'up' && load(host.name) < host.capacity)
      .filter((host) => (target === undefined ? host.status === 'enabled' : host.name === target))
      .sort((a, b) => load(a.name) - load(b.name) || (a.name < b.name ? -1 : 1));
    return fit[0]?.name;
  }

  /** On a host without power nobody does what was asked, and the task state stays. */
  #actOn(
    uuid: string,
    action: string,
    taskState: string,
    requestId: string,
    end: (instance: Instance) => Partial<Instance>,
  ): void {
    const instance = this.requireInstance(uuid);
    if (instance.taskState !== null) {
      throw new CloudError(
        'conflict',
        `cannot ${action} instance ${uuid} while it is in task_state ${instance.taskState}`,
        {
          status: 409,
        },
      );
    }
    this.#note(uuid, action, requestId);
    this.#change(instance, { taskState });
    this.#later(this.behaviour.powerMs, () => {
      if (instance.vmState === 'deleted' || !this.hosts.get(instance.host ?? '')?.isAlive) return;
      this.#change(instance, { ...end(instance), taskState: null });
    });
  }

  #note(uuid: string, action: string, requestId: string, userId: string | null = AGENT): void {
    const startedAt = new Date(this.now());
    const noted: InstanceAction = { action, requestId, isFailed: false, startedAt, userId };
    this.#actions.set(uuid, [noted, ...(this.#actions.get(uuid) ?? [])]);
  }

  #takesInstances(name: string): boolean {
    const host = this.hosts.get(name);
    return host !== undefined && this.stateOf(host) === 'up' && host.status === 'enabled';
  }

  #change(instance: MutableInstance, change: Partial<Instance>): void {
    Object.assign(instance, change, { changedAt: this.now() });
  }

  #later(ms: number, happen: () => void): void {
    this.#pending.push({ at: this.now() + ms, order: this.#order++, happen });
  }
}

/** The user that the engine authenticates as. */
const AGENT = 'recovery-agent';

/** Statuses of evacuations of which nothing more comes and nothing is left behind. */
const OVER = new Set(['completed', 'failed', 'error']);

function isOpen({ status }: { readonly status: string }): boolean {
  return status === 'accepted' || status === 'pre-migrating';
}
