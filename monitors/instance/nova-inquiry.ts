/**
 * Queries Nova whether a failure counts, until its state decides it or the time limit is over.
 *
 * Invariants: each query takes a permit, so their number at a time is limited. If Nova does not respond, the report of a certain failure is
 * delayed no longer than `askMs` and `uncertainMs` allow.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type ConcurrencyLimit, untilAborted } from '#openstack/concurrency-limit.ts';
import type { InstanceFacts, MonitorContext } from '../service/monitor.ts';
import type { CaseTimes } from './case-times.ts';
import type { Failure, FailureKind } from './failure.ts';
import { decideNova } from './nova-decision.ts';

export class NovaInquiry {
  readonly #context: MonitorContext;
  readonly #limit: ConcurrencyLimit;
  readonly #times: CaseTimes;

  constructor(context: MonitorContext, limit: ConcurrencyLimit, times: CaseTimes) {
    this.#context = context;
    this.#limit = limit;
    this.#times = times;
  }

  /** The kind as which the failure is reported. Throws with the signal. */
  async kindOf({ domain, certainty, kind, at }: Failure, signal: AbortSignal): Promise<FailureKind | 'no failure'> {
    const { node, log } = this.#context;
    const deadline = performance.now() + this.#times.uncertainMs;
    for (;;) {
      const facts = await this.#limit.run(untilAborted(signal), () => this.#query(domain.uuid));
      const { outcome: decision, reason } = decideNova(facts, node, certainty, Date.now() - at);
      signal.throwIfAborted();
      if (decision === 'failure') return kind === 'unexplained' ? 'killed' : kind;
      if (decision === 'no failure') {
        log('info', `Instance ${domain.uuid} (${domain.name}) has not failed: ${reason}.`, {
          instance: domain.uuid,
          failure: kind,
        });
        return decision;
      }
      if (performance.now() > deadline) return certainty === 'certain' ? kind : 'unexplained';
      await delay(this.#times.queryAgainMs, undefined, { signal });
    }
  }

  async #query(uuid: string): Promise<InstanceFacts | undefined> {
    const timeout = new AbortController();
    const end = AbortSignal.any([timeout.signal, this.#context.signal]);
    try {
      return await Promise.race([
        this.#context.queryInstance(uuid),
        delay(this.#times.queryMs, undefined, { signal: end }).catch(() => undefined),
      ]);
    } finally {
      timeout.abort();
    }
  }
}
