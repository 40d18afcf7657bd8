/**
 * One round after the other: what was seen goes through the state machines, and what is due is reported.
 *
 * Invariant: one run of a domain is reported once, be it for its guest or for its QEMU; and it counts as reported once the
 * report lies durably in the outbox.
 */
import { type NotificationBody, wireTime } from '#protocol/notification.ts';
import type { MonitorContext } from '../monitor.ts';
import type { GuestSight } from './guests.ts';
import { type Hang, judgeQemu, told } from './hang.ts';
import { judgeGuest, type Life, type LivenessPolicy, type Phase, reported } from './liveness.ts';
import { reasonToHold } from './nova-view.ts';

export interface WatchPolicy extends LivenessPolicy {
  readonly hungQemu: 'ignore' | 'log' | 'report';
  readonly hungQemuAfterMs: number;
}

/** What is remembered of one instance. */
export interface Memory {
  readonly life: Life | undefined;
  readonly hang: Hang | undefined;
  /** Why its report is held back, as it was last said. */
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

  /** Throws when a report could not be kept; it stays due. */
  async take(sights: readonly GuestSight[], policy: WatchPolicy): Promise<void> {
    // A domain that is gone is forgotten: when it comes back it is another run.
    const present = new Set(sights.map(({ uuid }) => uuid));
    for (const uuid of this.#memories.keys()) if (!present.has(uuid)) this.#memories.delete(uuid);
    // Everything seen is remembered first, so that a report that cannot be kept costs the others nothing.
    const due = sights.filter((sight) => this.#judge(sight, policy));
    // Side by side: where no engine is reached each question waits for as long as that takes to find out.
    const outcomes = await Promise.allSettled(due.map((sight) => this.#report(sight)));
    const failure = outcomes.find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
  }

  /** Remembers; true when a report is due. */
  #judge(sight: GuestSight, policy: WatchPolicy): boolean {
    const { uuid, domainId } = sight;
    const before = this.memoryOf(uuid);
    const guest = sight.answer === 'not asked' ? undefined : judgeGuest(before.life, domainId, sight.answer, policy);
    const life = guest?.life ?? (before.life?.domainId === domainId ? before.life : undefined);
    const isReported = life?.phase.name === 'reported';
    this.#tellPhase(sight, before.life, guest?.life);
    const qemu = judgeQemu(before.hang, domainId, sight.control, policy.hungQemuAfterMs, sight.controlAt);
    const hangs = qemu.verdict === 'hangs';
    this.#tellHang(sight, qemu.verdict, policy);
    const isHangDue = policy.hungQemu === 'report' && hangs && !isReported;
    // A hang that is to be reported is told when its report is kept.
    const hang = hangs && !isHangDue && qemu.hang ? told(qemu.hang) : qemu.hang;
    const isDue = guest?.isDue === true || isHangDue;
    this.#memories.set(uuid, { life, hang, held: isDue ? before.held : undefined });
    return isDue;
  }

  async #report(sight: GuestSight): Promise<void> {
    const { log, node } = this.#context;
    const { uuid, name, domainId } = sight;
    const held = reasonToHold(await this.#context.askInstance(uuid), node);
    const memory = this.memoryOf(uuid);
    if (held !== undefined) {
      if (held !== memory.held) log('warning', 'a failed guest is not reported', { uuid, name, reason: held });
      this.#memories.set(uuid, { ...memory, held });
      return;
    }
    await this.#context.report(bodyOf(node, uuid, new Date()));
    log('error', 'a guest is reported as failed', { uuid, name, reason: sight.detail });
    const life = reported({ domainId, phase: { name: 'reported' } });
    this.#memories.set(uuid, { life, hang: memory.hang && told(memory.hang), held: undefined });
  }

  #tellPhase(sight: GuestSight, before: Life | undefined, after: Life | undefined): void {
    const { uuid, name, detail, answer } = sight;
    if (after === undefined) return;
    const same = before?.domainId === after.domainId;
    const was: Phase['name'] = same ? before.phase.name : 'discovery';
    const is = after.phase;
    const { log } = this.#context;
    if (is.name === 'error') log('warning', 'a guest does not answer', { uuid, name, failures: is.failures, detail });
    else if (is.name === was) return;
    else if (is.name === 'healthy' && was === 'discovery') log('info', 'a guest answers', { uuid, name });
    else if (is.name === 'healthy' && answer === 'answered') log('info', 'a guest answers again', { uuid, name });
    else if (is.name === 'healthy') log('info', 'the failures of a guest are forgotten', { uuid, name, detail });
    else if (is.name === 'discovery') log('info', 'a guest is waited for', { uuid, name, detail });
  }

  #tellHang({ uuid, name }: GuestSight, verdict: 'nothing' | 'hangs' | 'answers again', policy: WatchPolicy): void {
    const { log } = this.#context;
    const seconds = policy.hungQemuAfterMs / 1000;
    if (verdict === 'hangs') log('error', 'a QEMU does not answer libvirt', { uuid, name, for_more_than_s: seconds });
    if (verdict === 'answers again') log('info', 'a QEMU answers libvirt again', { uuid, name });
  }
}

/** Masakari's body for a guest that failed: its engine acts on no other pair of a guest agent. Times have microseconds there. */
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
