/**
 * A small cloud that behaves like Nova in all that recovery depends on, in simulated or real time and replayable by seed.
 *
 * It accepts a second evacuation of an instance while the first runs, as Nova does, and counts it: forbidden events are detected here, not
 * prevented. Delayed events take effect when they are due and the world is used again.
 */

import { CloudError } from '#openstack/cloud-error.ts';
import type { Aggregate, Instance, InstanceAction, MigrationRecord, MigrationType, ResetState } from '../cloud.ts';
import { type Behaviour, CALM, type Surroundings } from './behaviour.ts';
import { type EvacuationCounts, Evacuations, type MutableEvacuation, OVER } from './evacuations.ts';
import { type Host, type HostChange, Hosts } from './hosts.ts';
import { Instances, type MutableInstance } from './instances.ts';
import { Migrations } from './migrations.ts';
import { Random } from './random.ts';
import { Refusals } from './refusals.ts';
import { Timeline } from './timeline.ts';
import { WorkflowWorld } from './workflow-world.ts';
import type { WorldClock } from './world-clock.ts';

export { type Behaviour, CALM } from './behaviour.ts';
export type WorldCounts = EvacuationCounts;

export class World {
  readonly aggregates = new Map<string, { id: string; name: string; hosts: string[] }>();
  /** Mail addresses, by id. */
  readonly userAddresses = new Map<string, string>();
  readonly projectAddresses = new Map<string, string>();
  readonly random: Random;
  readonly workflows: WorkflowWorld;
  behaviour: Behaviour;

  readonly #clock: WorldClock;
  readonly #timeline = new Timeline();
  readonly #hosts: Hosts;
  readonly #instances: Instances;
  readonly #evacuations: Evacuations;
  readonly #migrations: Migrations;
  readonly #refusals = new Refusals();

  constructor(clock: WorldClock, seed: number, behaviour: Behaviour = CALM) {
    this.#clock = clock;
    this.random = new Random(seed);
    this.workflows = new WorkflowWorld(clock);
    this.behaviour = behaviour;
    const surroundings = this.#surroundings();
    this.#hosts = new Hosts(surroundings);
    this.#instances = new Instances(surroundings, this.#hosts);
    this.#evacuations = new Evacuations(surroundings, this.#hosts, this.#instances);
    this.#migrations = new Migrations(surroundings, this.#hosts, this.#instances);
  }

  get hosts(): ReadonlyMap<string, Host> {
    return this.#hosts.byName;
  }

  get instances(): ReadonlyMap<string, MutableInstance> {
    return this.#instances.byUuid;
  }

  get evacuations(): MutableEvacuation[] {
    return this.#evacuations.records;
  }

  get counts(): WorldCounts {
    return this.#evacuations.counts;
  }

  /** Migrations the cloud accepted, by instance; it refuses one while another is in progress. */
  get migrations(): Readonly<Record<string, number>> {
    return this.#migrations.accepted;
  }

  /** Hosts that were never mapped to a cell: an evacuation to one gets a 404, and the scheduler chooses none. */
  get unmapped(): Set<string> {
    return this.#hosts.unmapped;
  }

  now(): number {
    return this.#clock.now();
  }

  addHost(name: string, capacity = 1000, change: HostChange = {}): void {
    this.#hosts.add(name, capacity, change);
  }

  addInstance(host: string, change: Partial<Instance> = {}): Instance {
    return this.#instances.add(host, change);
  }

  /** A user or Nova itself changes it, at once. */
  changeInstance(uuid: string, change: Partial<Instance>): void {
    this.#instances.change(this.requireInstance(uuid), change);
  }

  /** The database of a cell is unavailable: nothing of it is listed, and its objects accept no changes. */
  cellDown(cell: string): void {
    this.#hosts.setCell(cell, 'down');
  }

  cellUp(cell: string): void {
    this.#hosts.setCell(cell, 'up');
  }

  /** The cell of this host, or of this instance, is down. */
  isNotListed(object: { readonly host: string } | { readonly uuid: string }): boolean {
    return 'host' in object ? this.#hosts.isNotListed(object.host) : this.#instances.isNotListed(object.uuid);
  }

  /**
   * A call concerning one object is refused with this error from now on, and not carried out.
   *
   * @param method of `Cloud`, e.g. `evacuate`, `resetState`, `instance`
   * @param object uuid of the instance, or name of the host where the call concerns none
   */
  refuse(method: string, object: string, error: CloudError, times: number = Number.POSITIVE_INFINITY): void {
    this.#refusals.add(method, object, error, times);
  }

  /** Ends `refuse`. */
  permit(method: string, object: string): void {
    this.#refusals.remove(method, object);
  }

  /** Throws what was set by `refuse`. */
  assertPermitted(method: string, object: string): void {
    this.#refusals.assertPermitted(method, object);
  }

  /** The host loses power: its service is shown as down, its instances as Nova last knew them. */
  kill(name: string): void {
    const on = [...this.instances.values()].filter(({ host, vmState }) => host === name && vmState === 'active');
    this.#hosts.kill(
      name,
      on.map(({ uuid }) => uuid),
    );
  }

  /** Power on: nova-compute starts, removes the evacuated instances from there, and updates the records. */
  comeBack(name: string): void {
    const host = this.requireHost(name);
    this.#timeline.add(this.now() + this.behaviour.computeStartMs, () => {
      host.isAlive = true;
      this.#evacuations.cleanUp(name);
      if (this.behaviour.powerSync) this.#synchronisePower(host);
    });
  }

  updatedAtOf(host: Host): number {
    return this.#hosts.updatedAtOf(host);
  }

  stateOf(host: Host): 'up' | 'down' {
    return this.#hosts.stateOf(host);
  }

  requireCleaned({ name }: Host): void {
    this.#evacuations.requireCleaned(name);
  }

  /** Runs all events that are due. */
  catchUp(): void {
    this.#timeline.catchUp(() => this.now());
  }

  requireHost(name: string): Host {
    return this.#hosts.require(name);
  }

  requireInstance(uuid: string): MutableInstance {
    return this.#instances.require(uuid);
  }

  evacuate(uuid: string, target: string | undefined): void {
    this.#evacuations.evacuate(uuid, target);
  }

  /** As `evacuate`, some time from now; an error of the cloud at that time is not reported. */
  evacuateLate(uuid: string, target: string | undefined): void {
    this.#timeline.add(this.now() + this.random.between(...this.behaviour.lateMs), () => {
      try {
        if (!this.isNotListed({ uuid })) this.evacuate(uuid, target);
      } catch (error) {
        if (!(error instanceof CloudError)) throw error;
      }
    });
  }

  /** @param requestId of the engine's request; without one Nova itself stops it, as the power synchronisation of nova-compute does */
  stop(uuid: string, requestId?: string): void {
    this.#instances.stop(uuid, requestId ?? null);
  }

  /** @param requestId of the engine's request; without one its owner starts it */
  start(uuid: string, requestId?: string): void {
    this.#instances.start(uuid, requestId ?? null);
  }

  resetState(uuid: string, state: ResetState): void {
    this.#instances.resetState(uuid, state);
  }

  reboot(uuid: string, requestId: string): void {
    this.#instances.reboot(uuid, requestId);
  }

  rebuild(uuid: string, requestId: string): void {
    this.#instances.rebuild(uuid, requestId);
  }

  migrate(uuid: string, type: MigrationType, target: string, requestId: string): void {
    this.#migrations.migrate(uuid, type, target, requestId);
  }

  confirmResize(uuid: string, requestId: string): void {
    this.#migrations.confirmResize(uuid, requestId);
  }

  /** Migrations of every type away from a host that are not over, newest first. */
  migrationsFrom(host: string): readonly MigrationRecord[] {
    const evacuations = this.evacuations.map(({ changedAt: _, ...one }) => ({ ...one, type: 'evacuation' as const }));
    return [...this.#migrations.records, ...evacuations]
      .filter(({ sourceHost, status }) => sourceHost === host && !OVER.has(status) && status !== 'done')
      .reverse();
  }

  actionsOf(uuid: string): readonly InstanceAction[] {
    return this.#instances.actionsOf(uuid);
  }

  /** A user deletes an instance. */
  delete(uuid: string): void {
    this.#instances.delete(uuid);
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

  /** Nova has them active, and they went off with their host. */
  #synchronisePower({ name, off }: Host): void {
    for (const uuid of off) {
      const { host, vmState, taskState } = this.requireInstance(uuid);
      if (host === name && vmState === 'active' && taskState === null) this.stop(uuid);
    }
  }

  #surroundings(): Surroundings {
    const world = this;
    return {
      random: this.random,
      get behaviour() {
        return world.behaviour;
      },
      now: () => this.now(),
      later: (ms, happen) => this.#timeline.add(this.now() + ms, happen),
    };
  }
}
