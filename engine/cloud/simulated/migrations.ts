/** Live and cold migrations in the simulated cloud. It refuses one while another task of the instance is in progress. */
import { CloudError } from '#openstack/cloud-error.ts';
import { type MigrationRecord, type MigrationType, POWER_STATE } from '../cloud.ts';
import type { Surroundings } from './behaviour.ts';
import type { Hosts } from './hosts.ts';
import type { Instances, MutableInstance } from './instances.ts';

type MutableRecord = { -readonly [K in keyof MigrationRecord]: MigrationRecord[K] };

export class Migrations {
  readonly records: MutableRecord[] = [];
  readonly #surroundings: Surroundings;
  readonly #hosts: Hosts;
  readonly #instances: Instances;
  readonly #accepted = new Map<string, number>();
  readonly #confirming = new Set<string>();

  constructor(surroundings: Surroundings, hosts: Hosts, instances: Instances) {
    this.#surroundings = surroundings;
    this.#hosts = hosts;
    this.#instances = instances;
  }

  /** Migrations the cloud accepted, by instance. */
  get accepted(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#accepted);
  }

  migrate(uuid: string, type: MigrationType, target: string, requestId: string): void {
    const instance = this.#instances.require(uuid);
    this.#assertMovable(instance, type, target);
    this.#instances.note(uuid, type === 'live' ? 'live-migration' : 'migrate', requestId);
    this.#accepted.set(uuid, (this.#accepted.get(uuid) ?? 0) + 1);
    this.#instances.change(instance, { taskState: type === 'live' ? 'migrating' : 'resize_prep' });
    const record = this.#record(instance, type, target);
    const deaths = {
      source: this.#hosts.require(record.sourceHost).deaths,
      target: this.#hosts.require(target).deaths,
    };
    const { random, behaviour, later } = this.#surroundings;
    const fails = random.next() < behaviour.failedMigrations;
    later(random.between(...behaviour.migrationMs), () => {
      const sourceDied = this.#hosts.require(record.sourceHost).deaths !== deaths.source;
      if (sourceDied && !this.#surroundings.behaviour.migrationsOutliveSource) return;
      this.#end(instance, record, !fails && this.#hosts.require(target).deaths === deaths.target);
    });
  }

  /** The task state stays empty meanwhile, as with Nova. */
  confirmResize(uuid: string, requestId: string): void {
    const instance = this.#instances.require(uuid);
    if (instance.vmState !== 'resized' || this.#confirming.has(uuid)) {
      throw new CloudError('refused', `instance ${uuid} has no migration that could be confirmed`, { status: 400 });
    }
    this.#instances.note(uuid, 'confirmResize', requestId);
    this.#confirming.add(uuid);
    this.#surroundings.later(this.#surroundings.behaviour.powerMs, () => {
      this.#confirming.delete(uuid);
      this.#confirmed(instance);
    });
  }

  #assertMovable({ uuid, host, vmState, taskState }: MutableInstance, type: MigrationType, target: string): void {
    const from = type === 'live' ? ['active', 'paused'] : ['active', 'stopped'];
    if (!from.includes(vmState) || taskState !== null) {
      const state = `vm_state ${vmState}, task_state ${taskState ?? 'none'}`;
      throw new CloudError('conflict', `cannot migrate instance ${uuid} while it is in ${state}`, { status: 409 });
    }
    const isInCell = this.#hosts.byName.get(target)?.cell === this.#instances.cellOf(uuid);
    const isSourceAlive = this.#hosts.byName.get(host ?? '')?.isAlive === true;
    if (this.#hosts.takesInstances(target) && isInCell && host !== target && isSourceAlive) return;
    throw new CloudError('refused', `no valid host was found to migrate instance ${uuid}`, { status: 400 });
  }

  #record({ uuid, host }: MutableInstance, type: MigrationType, target: string): MutableRecord {
    const record: MutableRecord = {
      id: this.#surroundings.random.uuid(),
      type: type === 'live' ? 'live-migration' : 'migration',
      instanceUuid: uuid,
      sourceHost: host ?? '',
      destinationHost: target,
      status: type === 'live' ? 'running' : 'migrating',
      createdAt: new Date(this.#surroundings.now()),
    };
    this.records.push(record);
    return record;
  }

  #end(instance: MutableInstance, record: MutableRecord, arrives: boolean): void {
    const isLive = record.type === 'live-migration';
    record.status = 'error';
    if (instance.vmState === 'deleted') return;
    if (arrives) record.status = isLive ? 'completed' : 'finished';
    const moved = { host: record.destinationHost, ...(isLive ? {} : { vmState: 'resized' }) };
    // As in Nova: a running instance stays on its host, one whose disk is half copied is in error there.
    const stays = isLive ? {} : { vmState: 'error' };
    this.#instances.change(instance, { ...(arrives ? moved : stays), taskState: null });
    const { behaviour, later } = this.#surroundings;
    if (behaviour.confirmsAfterMs !== null) later(behaviour.confirmsAfterMs, () => this.#confirmed(instance));
  }

  #confirmed(instance: MutableInstance): void {
    if (instance.vmState !== 'resized') return;
    const vmState = instance.powerState === POWER_STATE.SHUTDOWN ? 'stopped' : 'active';
    this.#instances.change(instance, { vmState });
  }
}
