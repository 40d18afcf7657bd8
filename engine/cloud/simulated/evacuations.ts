/**
 * Evacuations in the simulated cloud.
 *
 * The scheduler chooses the destination when the evacuation is accepted, and only within the cell. If a destination fails before the
 * arrival, the record and the task state stay unchanged for ever, as in Nova.
 */
import { CloudError } from '#openstack/cloud-error.ts';
import { type Evacuation, POWER_STATE } from '../cloud.ts';
import type { Surroundings } from './behaviour.ts';
import type { Hosts } from './hosts.ts';
import type { Instances, MutableInstance } from './instances.ts';

export type MutableEvacuation = { -readonly [K in keyof Evacuation]: Evacuation[K] } & { changedAt: number };

export interface EvacuationCounts {
  /** Evacuations the cloud accepted, by instance. */
  readonly accepted: Readonly<Record<string, number>>;
  /** Accepted while another one of the same instance was in progress, or after it had left the host. */
  readonly duplicates: number;
}

/** Final statuses of evacuations that leave nothing behind. */
export const OVER: ReadonlySet<string> = new Set(['completed', 'failed', 'error']);

const NO_VALID_HOST = 'No valid host was found. There are not enough hosts available.';
const CLAIM_FAILED = 'Unable to allocate resources in Placement: conflict of generations.';

/** A host, and its number of failures when it was chosen. */
interface Destination {
  readonly name: string;
  readonly deaths: number;
}

export class Evacuations {
  readonly records: MutableEvacuation[] = [];
  readonly #surroundings: Surroundings;
  readonly #hosts: Hosts;
  readonly #instances: Instances;
  readonly #accepted = new Map<string, number>();
  readonly #destinations = new Map<MutableEvacuation, Destination>();
  #duplicates = 0;

  constructor(surroundings: Surroundings, hosts: Hosts, instances: Instances) {
    this.#surroundings = surroundings;
    this.#hosts = hosts;
    this.#instances = instances;
  }

  get counts(): EvacuationCounts {
    return { accepted: Object.fromEntries(this.#accepted), duplicates: this.#duplicates };
  }

  evacuate(uuid: string, target: string | undefined): void {
    const instance = this.#instances.require(uuid);
    this.#assertEvacuable(instance);
    if (target !== undefined) this.#hosts.requireMapped(target);
    const source = instance.host ?? '';
    const earlier = this.records.filter((one) => one.instanceUuid === uuid && one.sourceHost === source);
    if (earlier.some((one) => this.#isUnderWay(one))) this.#duplicates += 1;
    this.#accepted.set(uuid, (this.#accepted.get(uuid) ?? 0) + 1);
    const { random, behaviour, later } = this.#surroundings;
    const record = this.#record(uuid, source);
    this.#instances.change(instance, { taskState: 'rebuilding' });
    const fails = random.next() < behaviour.failedEvacuations;
    const destination = fails ? undefined : this.#schedule(target, this.#instances.cellOf(uuid));
    if (destination) this.#destinations.set(record, destination);
    const { claimMs } = behaviour;
    if (destination && claimMs !== null) later(claimMs, () => this.#claim(record, destination));
    const fault = fails ? CLAIM_FAILED : NO_VALID_HOST;
    later(random.between(...behaviour.rebuildMs), () => this.#arrive(instance, record, destination ?? fault));
  }

  /** nova-compute of a returned host removes the evacuated instances from there, and updates the records. */
  cleanUp(host: string): void {
    for (const one of this.records) {
      if (one.sourceHost === host && !OVER.has(one.status)) this.#change(one, { status: 'completed' });
    }
  }

  /** Nova does not accept a host as up that may still contain evacuated instances. */
  requireCleaned(host: string): void {
    const left = this.records.filter(({ sourceHost, status }) => sourceHost === host && status === 'done').length;
    if (left === 0) return;
    const message = `service of ${host} cannot be un-forced: ${left} evacuations are done and not yet cleaned up`;
    throw new CloudError('refused', message, { status: 400 });
  }

  #assertEvacuable({ uuid, host, vmState }: MutableInstance): void {
    const source = this.#hosts.require(host ?? '');
    if (this.#hosts.stateOf(source) === 'up') {
      throw new CloudError('refused', `compute service of ${source.name} is still in use`, { status: 400 });
    }
    if (['active', 'stopped', 'error'].includes(vmState)) return;
    const message = `cannot evacuate instance ${uuid} while it is in vm_state ${vmState}`;
    throw new CloudError('conflict', message, { status: 409 });
  }

  #record(instanceUuid: string, sourceHost: string): MutableEvacuation {
    const now = this.#surroundings.now();
    const record: MutableEvacuation = {
      id: this.#surroundings.random.uuid(),
      instanceUuid,
      sourceHost,
      destinationHost: null,
      status: 'accepted',
      createdAt: new Date(now),
      changedAt: now,
    };
    this.records.push(record);
    return record;
  }

  #claim(record: MutableEvacuation, { name, deaths }: Destination): void {
    if (record.status !== 'accepted' || this.#hosts.require(name).deaths !== deaths) return;
    this.#change(record, { status: 'pre-migrating', destinationHost: name });
  }

  #arrive(instance: MutableInstance, record: MutableEvacuation, outcome: Destination | string): void {
    if (instance.vmState === 'deleted' || instance.host !== record.sourceHost) {
      this.#change(record, { status: 'failed' });
      return;
    }
    if (typeof outcome === 'string') {
      this.#change(record, { status: 'error' });
      this.#instances.change(instance, { vmState: 'error', taskState: null, fault: outcome });
      return;
    }
    if (this.#hosts.require(outcome.name).deaths !== outcome.deaths) return;
    const vmState = instance.vmState === 'stopped' ? 'stopped' : 'active';
    const powerState = vmState === 'stopped' ? POWER_STATE.SHUTDOWN : POWER_STATE.RUNNING;
    this.#change(record, { status: 'done', destinationHost: outcome.name });
    this.#instances.change(instance, { host: outcome.name, vmState, powerState, taskState: null });
  }

  /** Open, and not abandoned by the failure of its destination. */
  #isUnderWay(record: MutableEvacuation): boolean {
    if (record.status !== 'accepted' && record.status !== 'pre-migrating') return false;
    const destination = this.#destinations.get(record);
    return destination === undefined || this.#hosts.require(destination.name).deaths === destination.deaths;
  }

  /** The named host, or the emptiest of the cell that is up, enabled, mapped and has capacity. */
  #schedule(target: string | undefined, cell: string): Destination | undefined {
    const load = this.#load();
    const loadOf = (name: string): number => load.get(name) ?? 0;
    const fit = [...this.#hosts.byName.values()]
      .filter((host) => this.#hosts.stateOf(host) === 'up' && host.cell === cell && loadOf(host.name) < host.capacity)
      .filter(({ name }) => !this.#hosts.unmapped.has(name))
      .filter(({ name, status }) => (target === undefined ? status === 'enabled' : name === target))
      .sort((a, b) => loadOf(a.name) - loadOf(b.name) || (a.name < b.name ? -1 : 1));
    const [chosen] = fit;
    return chosen && { name: chosen.name, deaths: chosen.deaths };
  }

  /** Instances by host, including those in transit to it. */
  #load(): ReadonlyMap<string, number> {
    const load = new Map<string, number>();
    const add = (name: string): Map<string, number> => load.set(name, (load.get(name) ?? 0) + 1);
    for (const { host } of this.#instances.byUuid.values()) if (host !== null) add(host);
    for (const [record, { name }] of this.#destinations) if (this.#isUnderWay(record)) add(name);
    return load;
  }

  #change(record: MutableEvacuation, change: Partial<Evacuation>): void {
    Object.assign(record, change, { changedAt: this.#surroundings.now() });
  }
}
