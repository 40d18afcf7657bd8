/** The instances of the simulated cloud, and Nova's operations on one on its host. */
import { CloudError } from '#openstack/cloud-error.ts';
import { type Instance, type InstanceAction, POWER_STATE, type ResetState } from '../cloud.ts';
import type { Surroundings } from './behaviour.ts';
import { FIRST_CELL, type Hosts } from './hosts.ts';

export type MutableInstance = { -readonly [K in keyof Instance]: Instance[K] } & { changedAt: number };

/** The user that the engine authenticates as. */
const AGENT = 'recovery-agent';

export class Instances {
  readonly byUuid = new Map<string, MutableInstance>();
  readonly #surroundings: Surroundings;
  readonly #hosts: Hosts;
  /** An instance never leaves its cell. */
  readonly #cells = new Map<string, string>();
  readonly #actions = new Map<string, InstanceAction[]>();

  constructor(surroundings: Surroundings, hosts: Hosts) {
    this.#surroundings = surroundings;
    this.#hosts = hosts;
  }

  add(host: string, change: Partial<Instance>): MutableInstance {
    const uuid = change.uuid ?? this.#surroundings.random.uuid();
    const vmState = change.vmState ?? 'active';
    const instance: MutableInstance = {
      uuid,
      name: `instance-${this.byUuid.size + 1}`,
      host,
      vmState,
      taskState: null,
      powerState: vmState === 'active' ? POWER_STATE.RUNNING : POWER_STATE.SHUTDOWN,
      locked: false,
      metadata: {},
      projectId: 'demo',
      userId: 'alice',
      ...change,
      changedAt: this.#surroundings.now(),
    };
    this.byUuid.set(uuid, instance);
    this.#cells.set(uuid, this.#hosts.byName.get(host)?.cell ?? FIRST_CELL);
    return instance;
  }

  require(uuid: string): MutableInstance {
    const instance = this.byUuid.get(uuid);
    if (!instance) throw new CloudError('not_found', `instance ${uuid} could not be found`, { status: 404 });
    return instance;
  }

  cellOf(uuid: string): string {
    return this.#cells.get(uuid) ?? FIRST_CELL;
  }

  /** Whether the database of the instance's cell is unavailable. */
  isNotListed(uuid: string): boolean {
    return this.#hosts.isCellDown(this.cellOf(uuid));
  }

  /** Nova shows a fault only of an instance in state error. */
  change(instance: MutableInstance, change: Partial<Instance>): void {
    Object.assign(instance, change, { changedAt: this.#surroundings.now() });
    if (instance.vmState !== 'error') delete instance.fault;
  }

  /** @param requestId null: Nova itself stops it */
  stop(uuid: string, requestId: string | null): void {
    const instance = this.require(uuid);
    if ((instance.vmState !== 'active' && instance.vmState !== 'error') || instance.taskState !== null) {
      throw conflict(`cannot stop instance ${uuid} while it is in vm_state ${instance.vmState}`);
    }
    this.note(uuid, 'stop', requestId ?? `req-${this.#surroundings.random.uuid()}`, requestId === null ? null : AGENT);
    this.change(instance, { taskState: 'powering-off' });
    this.#power(instance, { vmState: 'stopped', taskState: null, powerState: POWER_STATE.SHUTDOWN });
  }

  /** @param requestId null: its owner starts it */
  start(uuid: string, requestId: string | null): void {
    const instance = this.require(uuid);
    if (instance.vmState !== 'stopped' || instance.taskState !== null) {
      throw conflict(`cannot start instance ${uuid} while it is in vm_state ${instance.vmState}`);
    }
    const byOwner = `req-of-${instance.userId}-${this.actionsOf(uuid).length}`;
    this.note(uuid, 'start', requestId ?? byOwner, requestId === null ? instance.userId : AGENT);
    this.change(instance, { taskState: 'powering-on' });
    this.#power(instance, { vmState: 'active', taskState: null, powerState: POWER_STATE.RUNNING });
  }

  resetState(uuid: string, state: ResetState): void {
    this.change(this.require(uuid), { vmState: state, taskState: null });
  }

  reboot(uuid: string, requestId: string): void {
    this.#actOn(uuid, 'reboot', 'rebooting', requestId, () => ({ vmState: 'active', powerState: POWER_STATE.RUNNING }));
  }

  rebuild(uuid: string, requestId: string): void {
    this.#actOn(uuid, 'rebuild', 'rebuilding', requestId, ({ vmState }) =>
      vmState === 'stopped' ? {} : { vmState: 'active', powerState: POWER_STATE.RUNNING },
    );
  }

  /** A user deletes an instance. */
  delete(uuid: string): void {
    this.change(this.require(uuid), { vmState: 'deleted', taskState: null, host: null });
  }

  /** What was requested of an instance, newest first. */
  actionsOf(uuid: string): readonly InstanceAction[] {
    this.require(uuid);
    return this.#actions.get(uuid) ?? [];
  }

  note(uuid: string, action: string, requestId: string, userId: string | null = AGENT): void {
    const startedAt = new Date(this.#surroundings.now());
    const noted: InstanceAction = { action, requestId, isFailed: false, startedAt, userId };
    this.#actions.set(uuid, [noted, ...(this.#actions.get(uuid) ?? [])]);
  }

  #power(instance: MutableInstance, change: Partial<Instance>): void {
    const { later, behaviour } = this.#surroundings;
    later(behaviour.powerMs, () => this.change(instance, change));
  }

  /** On a host without power nothing of this is done, and the task state stays. */
  #actOn(
    uuid: string,
    action: string,
    taskState: string,
    requestId: string,
    end: (instance: Instance) => Partial<Instance>,
  ): void {
    const instance = this.require(uuid);
    if (instance.taskState !== null) {
      throw conflict(`cannot ${action} instance ${uuid} while it is in task_state ${instance.taskState}`);
    }
    this.note(uuid, action, requestId);
    this.change(instance, { taskState });
    this.#surroundings.later(this.#surroundings.behaviour.powerMs, () => {
      if (instance.vmState === 'deleted' || !this.#hosts.byName.get(instance.host ?? '')?.isAlive) return;
      this.change(instance, { ...end(instance), taskState: null });
    });
  }
}

function conflict(message: string): CloudError {
  return new CloudError('conflict', message, { status: 409 });
}
