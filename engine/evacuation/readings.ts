/**
 * The cloud's data of the instances that are being moved.
 *
 * Invariants:
 * - a partial record, an empty list from a cell that may be down and an outage never change the known state of an instance;
 * - of an instance without a response nothing is known until there is one, and the others are not delayed by it;
 * - time without a response does not count: `onGap` gets it once responses arrive again.
 */

import { CloudError } from '#openstack/cloud-error.ts';
import { backoff } from '#protocol/backoff.ts';
import type { Evacuation, Instance, MigrationRecord } from '../cloud/cloud.ts';
import {
  isPartial,
  type Reading,
  readEvacuationsFrom,
  readInstance,
  readInstancesOn,
  readMigrationsFrom,
} from '../cloud/reading.ts';
import type { TaskContext } from '../flow/task.ts';
import { OutageRetry } from '../tasks/outage-retry.ts';
import { type DestinationState, newestFirst } from './evacuation-record.ts';

/** A listing of changes starts this much earlier, for clocks of the cloud's own hosts that differ. */
const CHANGES_MARGIN_MS = 10_000;
/** After this number of polls all changes since the start are listed again, in case one was missed. */
const FULL_READ_EVERY = 10;
/** Maximum pause before an instance without a response is read again. */
const LONGEST_PAUSE_MS = 15_000;

interface Unanswered {
  /** CLOCK_BOOTTIME ms of the previous response. */
  readonly since: number;
  readonly error: CloudError;
  readonly reads: number;
  readonly readAfter: number;
}

export class MoveReadings {
  readonly #context: TaskContext;
  readonly #source: string;
  /** The cloud's time before the first evacuation. */
  readonly #base: Date;
  readonly #onGap: (ms: number, uuid: string | 'all') => void;
  readonly #outageRetry: OutageRetry;
  readonly #seen = new Map<string, Instance | 'gone'>();
  readonly #unanswered = new Map<string, Unanswered>();
  /** CLOCK_BOOTTIME ms of the last response with an instance of the host. */
  #answeredAt: number;
  #polls = 0;
  #since: Date | undefined;

  constructor(
    context: TaskContext,
    host: { readonly source: string; readonly base: Date },
    onGap: (ms: number, uuid: string | 'all') => void,
  ) {
    this.#context = context;
    this.#source = host.source;
    this.#base = host.base;
    this.#onGap = onGap;
    this.#outageRetry = new OutageRetry(context);
    this.#answeredAt = context.clock.boottime();
  }

  instance(uuid: string): Instance | 'gone' | 'no answer' {
    return this.#seen.get(uuid) ?? 'no answer';
  }

  /** How long an instance has had no response, and why; undefined: it has one. */
  withoutTraceOf(uuid: string): { readonly ms: number; readonly error: CloudError } | undefined {
    const unanswered = this.#unanswered.get(uuid);
    return unanswered && { ms: this.#context.clock.boottime() - unanswered.since, error: unanswered.error };
  }

  /** Whether it may be read by itself now: one without a response is read with growing intervals. */
  isDue(uuid: string): boolean {
    return (this.#unanswered.get(uuid)?.readAfter ?? 0) <= this.#context.clock.boottime();
  }

  /** Its known state may be wrong: it is read again before anything is decided. */
  forget(uuid: string): void {
    this.#seen.delete(uuid);
  }

  /** One listing, first of the failed host and later of changes; and each instance that neither showed. */
  async poll(uuids: readonly string[]): Promise<void> {
    const items = await (this.#polls === 0 ? this.#listHost() : this.#listChanges());
    this.#polls += 1;
    const ours = new Set(uuids);
    for (const instance of items) {
      if (ours.has(instance.uuid) && !isPartial(instance)) {
        this.#note(instance.uuid, instance.vmState === 'deleted' ? 'gone' : instance);
      }
    }
    for (const uuid of uuids) if (!this.#seen.has(uuid) && this.isDue(uuid)) await this.read(uuid);
  }

  async #listHost(): Promise<readonly Instance[]> {
    const { cloud, signal } = this.#context;
    const listing = await this.#answerOf(() => readInstancesOn(cloud, this.#source, { signal }));
    this.#since = listing.at;
    return listing.items;
  }

  async #listChanges(): Promise<readonly Instance[]> {
    const { cloud, signal } = this.#context;
    const since = this.#polls % FULL_READ_EVERY === 0 ? this.#base : (this.#since ?? this.#base);
    const changedSince = new Date(since.getTime() - CHANGES_MARGIN_MS);
    const { items, at } = await this.#withOutageRetry(() => cloud.listInstances({ changedSince }, { signal }));
    this.#since = at;
    return items;
  }

  /** Reads the instance itself. Returns whether there was a response. */
  async read(uuid: string): Promise<boolean> {
    const { cloud, signal, clock } = this.#context;
    const reading = await this.#withOutageRetry(async () => {
      const found = await readInstance(cloud, uuid, { signal }).catch(refusedRead);
      // The cloud as a whole is unavailable.
      if (found.answer === 'none' && ['unreachable', 'busy'].includes(found.error.kind)) throw found.error;
      return found;
    });
    if (reading.answer !== 'none') {
      this.#note(uuid, reading.answer === 'no' ? 'gone' : reading.value);
      return true;
    }
    const before = this.#unanswered.get(uuid);
    if (this.#unanswered.size === 0) this.#context.progress(`Waiting: ${reading.error.message}`);
    const reads = (before?.reads ?? 0) + 1;
    const pauseMs = backoff(reads, { firstMs: this.#context.settings.verifyIntervalMs, maxMs: LONGEST_PAUSE_MS });
    const now = clock.boottime();
    const since = before?.since ?? this.#answeredAt;
    this.#unanswered.set(uuid, { since, error: reading.error, reads, readAfter: now + pauseMs });
    this.#seen.delete(uuid);
    return false;
  }

  /** All evacuations away from the host, by instance, newest first. Nova omits evacuations that it never changed from a list of changes. */
  async evacuations(): Promise<ReadonlyMap<string, readonly Evacuation[]>> {
    const { cloud, signal } = this.#context;
    const filter = { sourceHost: this.#source };
    const { items } = await this.#answerOf(() => readEvacuationsFrom(cloud, filter, { signal }));
    return byInstance(newestFirst(items));
  }

  /** Migrations of other kinds away from the host that are not over, the newest of each instance. */
  async migrations(): Promise<ReadonlyMap<string, MigrationRecord>> {
    const { cloud, signal } = this.#context;
    const filter = { sourceHost: this.#source };
    const { items } = await this.#answerOf(() => readMigrationsFrom(cloud, filter, { signal }));
    const open = items.filter(({ type }) => type !== 'evacuation');
    return new Map([...open].reverse().map((one) => [one.instanceUuid, one]));
  }

  /** For the message about a late evacuation; it decides nothing. */
  async destination(host: string): Promise<DestinationState> {
    const { cloud, signal } = this.#context;
    try {
      return (await cloud.computeService(host, { signal }))?.state ?? 'unknown';
    } catch (error) {
      if (error instanceof CloudError) return 'unknown';
      throw error;
    }
  }

  #note(uuid: string, instance: Instance | 'gone'): void {
    const unanswered = this.#unanswered.get(uuid);
    this.#seen.set(uuid, instance);
    this.#answeredAt = this.#context.clock.boottime();
    if (!unanswered) return;
    this.#unanswered.delete(uuid);
    this.#onGap(this.#answeredAt - unanswered.since, uuid);
  }

  /** Reads until the answer is yes; only for reads without "no". */
  async #answerOf<T>(read: () => Promise<Reading<T>>): Promise<T> {
    const value = await this.#withOutageRetry(async () => {
      const reading = await read();
      if (reading.answer === 'none') throw reading.error;
      if (reading.answer === 'no') throw new Error('a listing has no "no"');
      return reading.value;
    });
    this.#answeredAt = this.#context.clock.boottime();
    return value;
  }

  async #withOutageRetry<T>(read: () => Promise<T>): Promise<T> {
    const { clock } = this.#context;
    for (let isGap = false; ; isGap = true) {
      try {
        const answer = await read();
        this.#outageRetry.answered();
        if (!isGap) return answer;
        const now = clock.boottime();
        this.#onGap(now - this.#answeredAt, 'all');
        this.#answeredAt = now;
        return answer;
      } catch (error) {
        await this.#outageRetry.waitOut(error);
      }
    }
  }
}

/** One instance that may not be read delays no other. */
function refusedRead(error: unknown): Reading<never> {
  if (error instanceof CloudError) return { answer: 'none', error };
  throw error;
}

export function byInstance(evacuations: readonly Evacuation[]): ReadonlyMap<string, readonly Evacuation[]> {
  const found = new Map<string, Evacuation[]>();
  for (const one of evacuations) found.set(one.instanceUuid, [...(found.get(one.instanceUuid) ?? []), one]);
  return found;
}
