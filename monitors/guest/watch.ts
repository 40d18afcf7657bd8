/**
 * After each round the state machines process the poll's result, and failures that are due are reported.
 *
 * Invariant: one run of a domain is reported once, for its guest or for its QEMU. It counts as reported once the report is
 * durable in the outbox.
 */
import { type NotificationBody, wireTime } from '#protocol/notification.ts';
import type { MonitorContext } from '../service/monitor.ts';
import { decideGuest, type Life, type LivenessPolicy, type Phase, reported } from './guest-decision.ts';
import type { GuestReading } from './guests.ts';
import { decideQemu, type Hang, received } from './hang-decision.ts';
import { reasonToHold } from './nova-decision.ts';

export interface WatchPolicy extends LivenessPolicy {
  readonly hungQemu: 'ignore' | 'log' | 'report';
  readonly hungQemuAfterMs: number;
}

/** The state of one instance. */
export interface Memory {
  readonly life: Life | undefined;
  readonly hang: Hang | undefined;
  /** Why its report is held back, as last logged. */
  readonly held: string | undefined;
}

export const NOTHING: Memory = { life: undefined, hang: undefined, held: undefined };

export class GuestWatch {
  readonly #context: MonitorContext;
  #memories = new Map<string, Memory>();

  constructor(context: MonitorContext) {
    this.#context = context;
  }

  memoryOf(uuid: string): Memory {
    return this.#memories.get(uuid) ?? NOTHING;
  }

  /** Throws if a report could not be stored; it stays due. */
  async take(observations: readonly GuestReading[], policy: WatchPolicy): Promise<void> {
    // The state of a domain that has ended is dropped: its next start is another run.
    const present = new Set(observations.map(({ uuid }) => uuid));
    for (const uuid of this.#memories.keys()) if (!present.has(uuid)) this.#memories.delete(uuid);
    // All states are stored first, so that a report that cannot be stored does not affect the others.
    const due = observations.filter((observation) => this.#decide(observation, policy));
    // In parallel: without an engine each query waits for its timeout.
    const outcomes = await Promise.allSettled(due.map((observation) => this.#report(observation)));
    const failure = outcomes.find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
  }

  /** Stores the state; true if a report is due. */
  #decide(observation: GuestReading, policy: WatchPolicy): boolean {
    const { uuid, domainId } = observation;
    const before = this.memoryOf(uuid);
    const guest =
      observation.answer === 'not queried' ? undefined : decideGuest(before.life, domainId, observation.answer, policy);
    const life = guest?.life ?? (before.life?.domainId === domainId ? before.life : undefined);
    const isReported = life?.phase.name === 'reported';
    this.#logPhase(observation, before.life, guest?.life);
    const qemu = decideQemu(before.hang, domainId, observation.control, policy.hungQemuAfterMs, observation.controlAt);
    const hangs = qemu.outcome === 'hangs';
    this.#logHang(observation, qemu.outcome, policy);
    const isHangDue = policy.hungQemu === 'report' && hangs && !isReported;
    // A hang that is due for a report counts as reported once its report is stored.
    const hang = hangs && !isHangDue && qemu.hang ? received(qemu.hang) : qemu.hang;
    const isDue = guest?.isDue === true || isHangDue;
    this.#memories.set(uuid, { life, hang, held: isDue ? before.held : undefined });
    return isDue;
  }

  async #report(observation: GuestReading): Promise<void> {
    const { log, node } = this.#context;
    const { uuid, name, domainId } = observation;
    const held = reasonToHold(await this.#context.queryInstance(uuid), node);
    const memory = this.memoryOf(uuid);
    if (held !== undefined) {
      if (held !== memory.held) log('warning', 'a failed guest is not reported', { uuid, name, reason: held });
      this.#memories.set(uuid, { ...memory, held });
      return;
    }
    await this.#context.report(bodyOf(node, uuid, new Date()));
    log('error', 'a guest is reported as failed', { uuid, name, reason: observation.detail });
    const life = reported({ domainId, phase: { name: 'reported' } });
    this.#memories.set(uuid, { life, hang: memory.hang && received(memory.hang), held: undefined });
  }

  #logPhase(observation: GuestReading, before: Life | undefined, after: Life | undefined): void {
    const { uuid, name, detail, answer } = observation;
    if (after === undefined) return;
    const same = before?.domainId === after.domainId;
    const was: Phase['name'] = same ? before.phase.name : 'discovery';
    const is = after.phase;
    const { log } = this.#context;
    if (is.name === 'error') log('warning', 'a guest does not respond', { uuid, name, failures: is.failures, detail });
    else if (is.name === was) return;
    else if (is.name === 'healthy' && was === 'discovery') log('info', 'a guest responds', { uuid, name });
    else if (is.name === 'healthy' && answer === 'answered') log('info', 'a guest responds again', { uuid, name });
    else if (is.name === 'healthy') log('info', 'the failures of a guest are reset', { uuid, name, detail });
    else if (is.name === 'discovery') log('info', 'waiting for a guest agent', { uuid, name, detail });
  }

  #logHang({ uuid, name }: GuestReading, decision: 'nothing' | 'hangs' | 'responds again', policy: WatchPolicy): void {
    const { log } = this.#context;
    const seconds = policy.hungQemuAfterMs / 1000;
    if (decision === 'hangs')
      log('error', 'a QEMU does not respond to libvirt', { uuid, name, for_more_than_s: seconds });
    if (decision === 'responds again') log('info', 'a QEMU responds to libvirt again', { uuid, name });
  }
}

/** Masakari's body for a guest failure: its engine acts on no other pair of a guest agent. Its times have microseconds. */
export function bodyOf(node: string, uuid: string, at: Date): NotificationBody {
  return {
    notification: {
      type: 'VM',
      hostname: node,
      generated_time: wireTime(at.getTime()),
      payload: { event: 'QEMU_GUEST_AGENT_ERROR', instance_uuid: uuid, vir_domain_event: 'STOPPED_FAILED' },
    },
  };
}
