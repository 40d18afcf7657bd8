/**
 * Reports one host.
 *
 * Invariant: a report is written to the state file after it is durable in the outbox; if either fails it is retried. The
 * death of a host that was fenced and is back is reported before its return, and each fencing once.
 */
import { errorMessage } from '#protocol/error-message.ts';
import type { MonitorContext } from '../service/monitor.ts';
import { missedDeath, type Report, reportedProof, reportOf } from './report-decision.ts';
import type { Setup } from './setup.ts';
import type { Fact } from './sources/source.ts';
import { decide, type Track } from './state-decision.ts';
import type { HostStateFile } from './state-file.ts';

type Outcome = 'done' | 'retry';

export class Reporter {
  readonly #setup: Setup;
  readonly #context: Pick<MonitorContext, 'log' | 'report'>;
  readonly #stateFile: HostStateFile;
  /** By host: time of the last poll that had it up, or down and not fenced, of `performance.now`. */
  readonly #unfencedAt = new Map<string, number>();
  #saveFault: string | undefined;

  constructor(setup: Setup, context: Pick<MonitorContext, 'log' | 'report'>, stateFile: HostStateFile) {
    this.#setup = setup;
    this.#context = context;
    this.#stateFile = stateFile;
  }

  /** @param facts the newest of that host: earlier reports took time, and a state that has changed since is not reported */
  async report(host: string, track: Track, facts: readonly Fact[], signal: AbortSignal): Promise<Outcome> {
    const { settled } = track;
    if (settled.state === 'up' || settled.state === 'suspected') this.#unfencedAt.set(host, performance.now());
    const fencings = facts.find((fact) => fact.fencings !== undefined)?.fencings;
    if (fencings !== undefined && this.#stateFile.fencings(host) === undefined)
      this.#stateFile.knowFencings(host, fencings);
    const isProvenState = settled.state === 'dead' || settled.state === 'up';
    if (isProvenState && decide(facts, this.#setup.policy, Date.now()).state !== settled.state) return 'done';
    try {
      if (settled.state === 'up') await this.#reportMissedDeath(host, fencings ?? [], signal);
      await this.#reportState(host, track, signal);
      // In any other state a fencing stays new until the host is dead or up.
      if (isProvenState && fencings !== undefined) this.#stateFile.knowFencings(host, fencings);
      return 'done';
    } catch (error) {
      const reason = errorMessage(error);
      this.#context.log('error', 'a report of a host could not be stored; it is retried', { host, reason });
      return 'retry';
    }
  }

  /** Writes state that is not yet in the file. Never throws. */
  save(): Outcome {
    try {
      if (!this.#stateFile.isSaved) this.#stateFile.save();
      this.#saveFault = undefined;
      return 'done';
    } catch (error) {
      const reason = errorMessage(error);
      if (reason !== this.#saveFault) this.#context.log('error', 'the state file cannot be written', { reason });
      this.#saveFault = reason;
      return 'retry';
    }
  }

  async #reportMissedDeath(host: string, fencings: readonly number[], signal: AbortSignal): Promise<void> {
    const known = this.#stateFile.fencings(host) ?? [];
    const report = missedDeath(host, fencings, known, this.#stateFile.get(host), Date.now());
    if (report === undefined) return;
    const fencedAt = report.body.notification.generated_time;
    if (this.#setup.lateDeaths === 'silent') {
      this.#context.log('warning', 'host was fenced and is back; Masakari is not notified', { host, fencedAt });
      return;
    }
    this.#context.log('warning', 'host was fenced and is back', { host, fencedAt });
    // Known only after the report of the death: a crash in between repeats both.
    await this.#send(host, report, signal, () => this.#stateFile.knowFencings(host, fencings));
  }

  async #reportState(host: string, { settled, trend }: Track, signal: AbortSignal): Promise<void> {
    const { monitoringSamples, reportUnproven } = this.#setup.options;
    const lasts = trend.state === settled.state && trend.polls >= monitoringSamples;
    const unproven = reportUnproven && lasts ? 'reported' : 'silent';
    const report = reportOf(host, settled, this.#stateFile.get(host), unproven);
    if (report === undefined) return;
    if (settled.state === 'dead' && settled.proof === undefined) {
      this.#context.log('warning', 'HOST IS REPORTED DEAD WITHOUT A PROOF, as the policy allows', { host });
    }
    const unfencedMs = performance.now() - (this.#unfencedAt.get(host) ?? Number.NEGATIVE_INFINITY);
    await this.#send(host, { ...report, proof: reportedProof(settled, unfencedMs, Date.now()) }, signal);
    const { event } = report.body.notification.payload;
    this.#context.log('info', 'host reported', { host, event, proof: settled.proof, reason: settled.reason });
  }

  async #send(host: string, { body, proof, last }: Report, signal: AbortSignal, known?: () => void): Promise<void> {
    // A report that is aborted here is made again after the next start, and recognised.
    await unlessAborted(this.#context.report(body, proof), signal);
    known?.();
    this.#stateFile.set(host, last);
  }
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(new Error('the monitor ends'));
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
