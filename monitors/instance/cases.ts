/**
 * A case: one failure from its detection to the outbox. It waits in case the failure ends by itself, queries libvirt whether
 * the failure still holds and Nova whether it counts, and then reports it.
 *
 * Invariants: an instance has one case at a time. Its stored state advances only once its report is durable, so that the
 * failure is detected again if this process ends before. Every case ends, at the latest with the signal. Only the instance's
 * own recovery drops a report.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { ConcurrencyLimit, untilAborted } from '#openstack/concurrency-limit.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { DomainName } from '../libvirt/domain-name.ts';
import type { MonitorContext } from '../service/monitor.ts';
import { CASE_TIMES, type CaseTimes } from './case-times.ts';
import { type DomainDecision, type Failure, type FailureKind, isDeath } from './failure.ts';
import { afterDecision, afterReport } from './known-domain.ts';
import { NovaInquiry } from './nova-inquiry.ts';
import { reportFailure } from './report-failure.ts';
import type { Memory } from './state-file.ts';
import { type LibvirtNow, stillSo } from './still-failed-decision.ts';

/** Failures that are queried and reported at the same time. */
const AT_ONCE = 16;

export type QueryLibvirt = (domain: DomainName) => Promise<LibvirtNow>;

type OrderlyDecision = Exclude<DomainDecision, { outcome: 'failed' }>;

interface Case {
  readonly failure: Failure;
  /** Aborted when the report is no longer needed. */
  readonly dropped: AbortController;
  /** Aborted when no further wait is needed: the instance ended for good. */
  readonly settled: AbortController;
  /** Its change while this failure was being reported, and its next failure after that. */
  received: OrderlyDecision | undefined;
  next: Failure | undefined;
  isReporting: boolean;
  hasEnded: boolean;
}

export class Cases {
  readonly #context: MonitorContext;
  readonly #memory: Memory;
  readonly #queryLibvirt: QueryLibvirt;
  readonly #panicEvent: () => string;
  readonly #times: CaseTimes;
  readonly #open = new Map<string, Case>();
  readonly #running = new Set<Promise<void>>();
  readonly #limit = new ConcurrencyLimit(AT_ONCE);
  readonly #nova: NovaInquiry;

  constructor(
    context: MonitorContext,
    memory: Memory,
    queryLibvirt: QueryLibvirt,
    panicEvent: () => string,
    times: CaseTimes = CASE_TIMES,
  ) {
    this.#context = context;
    this.#memory = memory;
    this.#queryLibvirt = queryLibvirt;
    this.#panicEvent = panicEvent;
    this.#times = times;
    this.#nova = new NovaInquiry(context, this.#limit, times);
  }

  has(uuid: string): boolean {
    return this.#open.has(uuid);
  }

  /** Resolves when no case is left. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  open(failure: Failure): void {
    const { uuid } = failure.domain;
    const open = this.#open.get(uuid);
    if (open === undefined) this.#begin(failure);
    else if (open.isReporting) this.#queue(open, failure);
    else if (isDeath(open.failure.kind)) this.#settleBy(open, failure);
    else if (isDeath(failure.kind)) {
      // A stopped guest died: the death is reported instead.
      open.dropped.abort();
      this.#begin(failure);
    }
  }

  #queue(open: Case, failure: Failure): void {
    const { received } = open;
    if (received?.outcome === 'running') {
      // The stored life is the one before; an event without an id refers to it.
      const life = failure.life === open.failure.life ? received.life : failure.life;
      open.next = { ...failure, life };
    } else if (isDeath(failure.kind) && !isDeath(open.failure.kind)) {
      open.next = failure;
    } else {
      this.#settleBy(open, failure);
    }
  }

  /** A panic and libvirt's stop of the guest are one failure. */
  #settleBy(open: Case, failure: Failure): void {
    if (!isDeath(open.failure.kind) || failure.recovers !== 'never' || failure.life !== open.failure.life) return;
    open.hasEnded = true;
    open.settled.abort();
  }

  /** An instance with a case changes in a way that is no failure. */
  receive(domain: DomainName, decision: OrderlyDecision): void {
    const open = this.#open.get(domain.uuid);
    if (open === undefined) return;
    const isOver = decision.outcome === 'off' || (decision.outcome === 'running' && open.failure.kind !== 'disk-error');
    if (!isOver) return;
    if (open.isReporting) {
      open.received = decision;
      open.next = undefined;
      return;
    }
    const what = decision.outcome === 'running' ? 'runs again' : 'was stopped in order';
    this.#context.log('info', `Instance ${domain.uuid} ${what} before its failure was reported; nothing is reported.`, {
      instance: domain.uuid,
      failure: open.failure.kind,
    });
    open.dropped.abort();
    this.#open.delete(domain.uuid);
    this.#remember(domain.uuid, afterDecision(this.#memory.get(domain.uuid), decision, domain.name, Date.now()));
  }

  #begin(failure: Failure): void {
    const one: Case = {
      failure,
      dropped: new AbortController(),
      settled: new AbortController(),
      received: undefined,
      next: undefined,
      isReporting: false,
      hasEnded: false,
    };
    this.#open.set(failure.domain.uuid, one);
    const run = this.#run(one)
      .catch((error: unknown) => {
        if (one.dropped.signal.aborted || this.#context.signal.aborted) return;
        this.#context.log(
          'error',
          `The failure of instance ${failure.domain.uuid} could not be processed; it is detected again.`,
          {
            reason: errorMessage(error),
          },
        );
      })
      .finally(() => {
        this.#running.delete(run);
        if (this.#open.get(failure.domain.uuid) !== one) return;
        this.#open.delete(failure.domain.uuid);
        if (one.next && !this.#context.signal.aborted) this.#begin(one.next);
      });
    this.#running.add(run);
  }

  async #run(one: Case): Promise<void> {
    const { log } = this.#context;
    const { domain, kind } = one.failure;
    log('warning', `Instance ${domain.uuid} (${domain.name}) failed: ${kind}.`, {
      instance: domain.uuid,
      failure: kind,
    });
    if (one.failure.recovers === 'maybe') await this.#waitForRecovery(one);
    const end = AbortSignal.any([one.dropped.signal, this.#context.signal]);
    if (!(await this.#isStillSo(one))) return;
    end.throwIfAborted();
    const decision = await this.#nova.kindOf(one.failure, end);
    end.throwIfAborted();
    if (decision === 'no failure') {
      this.#settle(one, []);
      return;
    }
    const failure: Failure = { ...one.failure, kind: decision };
    one.isReporting = true;
    await this.#limit.run(untilAborted(this.#context.signal), () =>
      reportFailure(this.#context, failure, this.#panicEvent(), this.#times.retryMs),
    );
    this.#settle(one, [decision]);
    log('warning', `Reported: instance ${domain.uuid} (${domain.name}), ${decision}.`, {
      instance: domain.uuid,
      after_ms: Date.now() - failure.at,
    });
  }

  async #waitForRecovery(one: Case): Promise<void> {
    const wake = AbortSignal.any([one.dropped.signal, one.settled.signal, this.#context.signal]);
    await delay(this.#times.recoverMs, undefined, { signal: wake }).catch(() => {});
    one.dropped.signal.throwIfAborted();
    this.#context.signal.throwIfAborted();
  }

  async #isStillSo(one: Case): Promise<boolean> {
    const { domain, life, kind } = one.failure;
    // The instance keeps running with this failure, so its state does not show it.
    if (kind === 'disk-error') return true;
    const now = await this.#queryLibvirt(domain);
    if (one.dropped.signal.aborted) return false;
    const still = stillSo(one.failure, one.hasEnded, now);
    if (still === 'runs') this.receive({ ...domain, id: life }, { outcome: 'running', life });
    if (still === 'ended') one.hasEnded = true;
    return still === 'yes' || still === 'ended';
  }

  #settle(one: Case, reported: readonly FailureKind[]): void {
    const { domain, kind, life, recovers } = one.failure;
    const known = this.#memory.get(domain.uuid);
    const isOff = one.hasEnded || (isDeath(kind) && recovers === 'never');
    const counted = reported[0] ?? kind;
    // A failure that does not count is not checked again in this life either.
    const settled = afterReport(known, { name: domain.name, life, kind: counted }, isOff ? 'off' : 'on', Date.now());
    this.#remember(domain.uuid, one.received ? afterDecision(settled, one.received, domain.name, Date.now()) : settled);
  }

  #remember(uuid: string, known: ReturnType<Memory['get']>): void {
    this.#memory.set(uuid, known);
    this.#memory.save().catch((error: unknown) => {
      const reason = errorMessage(error);
      this.#context.log('error', 'The state file of the instances could not be written.', { reason });
    });
  }
}
