/**
 * Derives from the commits of the journal and the reads of the cloud whether a recovery may start, by the limits of the history and not by
 * those of the engine.
 *
 * It counts only what the engine has known for `MARGIN_MS`: two failures that are accepted within a moment are decided one after the other.
 */
import { kindOf, type RecoveryKind } from '#engine/journal/host-event.ts';
import type { AcceptResult, FlowSnapshot, Mutation } from '#engine/journal/mutations.ts';
import type { LogbookStatus } from '#engine/journal/rows.ts';
import type { Clock } from '#protocol/clock.ts';
import { CLOSED_STATUSES } from '#protocol/notification-status.ts';
import type { Choices } from './history.ts';

const MARGIN_MS = 5_000;

interface Recovery {
  readonly id: number;
  readonly uuid: string;
  readonly kind: RecoveryKind;
  readonly host: string;
  readonly acceptedAt: number;
  status: LogbookStatus;
  hasOpenFlow: boolean;
  /** A flow was opened for it at any time. */
  hasStarted: boolean;
  isApproved: boolean;
}

interface PauseTerm {
  readonly from: number;
  /** Earliest end. */
  readonly until: number;
}

/** Nova's list of hosts as the present engine read it last. */
interface HostList {
  readonly forcedDown: ReadonlySet<string>;
  readonly hosts: number;
}

export class GateWitness {
  readonly offences: string[] = [];
  /** Recoveries of which the start was observed. */
  starts = 0;
  readonly #clock: Clock;
  readonly #choices: Choices;
  readonly #byUuid = new Map<string, Recovery>();
  readonly #flows = new Map<number, Recovery>();
  #pause: PauseTerm | undefined;
  #engineSince = 0;
  #list: HostList | undefined;
  /** By the present engine, by host. */
  #startedAt = new Map<string, number>();
  readonly #running = new Set<string>();

  constructor(clock: Clock, choices: Choices) {
    this.#clock = clock;
    this.#choices = choices;
  }

  engineStarts(): void {
    this.#engineSince = this.#clock.now();
    this.#list = undefined;
    this.#startedAt = new Map();
    this.#running.clear();
  }

  hostsRead(list: HostList): void {
    this.#list = list;
  }

  onCommit(mutations: readonly Mutation[], results: readonly unknown[]): void {
    for (const [index, mutation] of mutations.entries()) this.#apply(mutation, results[index]);
  }

  /** An engine starts to work on this recovery. */
  onStart(id: number): void {
    const recovery = [...this.#byUuid.values()].find((one) => one.id === id);
    if (!recovery || this.#running.has(recovery.uuid)) return;
    // One that an engine left running is resumed.
    if (recovery.status === 'running' || recovery.hasOpenFlow) return;
    this.starts += 1;
    const reason = this.#whyHeld(recovery);
    if (reason) this.offences.push(`a recovery of ${recovery.kind} started although ${reason}`);
    this.#running.add(recovery.uuid);
    if (recovery.kind === 'COMPUTE_HOST') this.#startedAt.set(recovery.host, this.#clock.now());
  }

  #apply(mutation: Mutation, result: unknown): void {
    const now = this.#clock.now();
    if (mutation.op === 'accept') this.#accepted((result as AcceptResult).logbook);
    if (mutation.op === 'pause') {
      const { forMs } = mutation;
      this.#pause = { from: now, until: forMs === null ? Number.POSITIVE_INFINITY : now + forMs - MARGIN_MS };
    }
    if (mutation.op === 'unpause') this.#pause = undefined;
    if (mutation.op === 'open_flow') this.#opened(mutation.logbookUuid, (result as FlowSnapshot).flow.id);
    if (mutation.op === 'close_flow') {
      const recovery = this.#flows.get(mutation.flowId);
      if (recovery) recovery.hasOpenFlow = false;
    }
    const recovery = 'uuid' in mutation ? this.#byUuid.get(mutation.uuid) : undefined;
    if (recovery && mutation.op === 'approve') recovery.isApproved = true;
    if (recovery && mutation.op === 'logbook') {
      recovery.status = mutation.status;
      if (mutation.status !== 'running') this.#running.delete(recovery.uuid);
    }
  }

  #accepted({ id, uuid, status, host, type, payload }: AcceptResult['logbook']): void {
    if (this.#byUuid.has(uuid)) return;
    const kind = kindOf({ type, payload });
    const now = this.#clock.now();
    const fresh = { hasOpenFlow: false, hasStarted: false, isApproved: false };
    this.#byUuid.set(uuid, { id, uuid, kind, host, acceptedAt: now, status, ...fresh });
  }

  #opened(uuid: string, flowId: number): void {
    const recovery = this.#byUuid.get(uuid);
    if (!recovery) return;
    Object.assign(recovery, { hasOpenFlow: true, hasStarted: true, status: 'running' });
    this.#flows.set(flowId, recovery);
  }

  #whyHeld(recovery: Recovery): string | undefined {
    const now = this.#clock.now();
    if (this.#pause && now - this.#pause.from > MARGIN_MS && now < this.#pause.until) return 'recoveries are paused';
    if (recovery.kind === 'HOST_RETURN' || recovery.hasStarted) return undefined;
    if (this.#returned(recovery)) return undefined;
    const { startupGraceSeconds } = this.#choices;
    if (now - this.#engineSince < startupGraceSeconds * 1000 - MARGIN_MS) return 'the engine has just started';
    if (recovery.isApproved) return undefined;
    return recovery.kind === 'COMPUTE_HOST' ? this.#whyHostHeld(recovery) : this.#whyInstanceHeld(recovery);
  }

  /** Its host came back meanwhile: it ends without any action. */
  #returned({ id, host, kind }: Recovery): boolean {
    if (kind !== 'COMPUTE_HOST') return false;
    return [...this.#byUuid.values()].some((one) => one.kind === 'HOST_RETURN' && one.host === host && one.id > id);
  }

  #whyHostHeld(recovery: Recovery): string | undefined {
    const { maxFailedHostsPercent, minFailedHosts, maxHosts, maxHostsIntervalSeconds } = this.#choices;
    const now = this.#clock.now();
    const withinMs = maxHostsIntervalSeconds * 1000 - MARGIN_MS;
    const others = [...this.#startedAt].filter(([host, at]) => host !== recovery.host && now - at < withinMs);
    if (maxHosts > 0 && others.length >= maxHosts) return `recoveries of ${others.length} hosts started before`;
    if (!this.#list) return undefined;
    const known = this.#open('COMPUTE_HOST').filter(({ acceptedAt }) => now - acceptedAt > MARGIN_MS);
    const down = new Set([...this.#list.forcedDown, ...known.map(({ host }) => host), recovery.host]);
    const isOver = down.size >= minFailedHosts && down.size * 100 > this.#list.hosts * maxFailedHostsPercent;
    return isOver ? `${down.size} of ${this.#list.hosts} hosts are down` : undefined;
  }

  #whyInstanceHeld(recovery: Recovery): string | undefined {
    const { maxInstancesOfHost } = this.#choices;
    if (recovery.kind !== 'VM' || maxInstancesOfHost === 0) return undefined;
    const waiting = this.#open('VM').filter(
      ({ host, uuid, acceptedAt, hasStarted }) =>
        host === recovery.host &&
        (uuid === recovery.uuid ||
          (!hasStarted && !this.#running.has(uuid) && this.#clock.now() - acceptedAt > MARGIN_MS)),
    );
    return waiting.length > maxInstancesOfHost ? `${waiting.length} instances of its host wait` : undefined;
  }

  #open(kind: RecoveryKind): Recovery[] {
    return [...this.#byUuid.values()].filter((one) => one.kind === kind && !CLOSED_STATUSES.includes(one.status));
  }
}
