/**
 * The watch: every source is polled at its own interval. After each change the state of every host is decided, and due reports
 * are sent (see reporter.ts), host by host.
 */
import { errorMessage } from '#protocol/error-message.ts';
import type { MonitorContext } from '../service/monitor.ts';
import { healthOf } from './blind-decision.ts';
import { Gaps } from './coverage.ts';
import { watchingOf } from './expected-hosts.ts';
import { LatestFacts } from './latest-facts.ts';
import { readSource } from './read-source.ts';
import { Reporter } from './reporter.ts';
import { requiresNoProof, type Setup } from './setup.ts';
import type { Source } from './sources/source.ts';
import { UnreadableHosts } from './sources/unreadable-hosts.ts';
import { byHost, decide, type HostDecision, settle, type Track } from './state-decision.ts';
import type { HostStateFile } from './state-file.ts';
import { WakeUp } from './wake-up.ts';

/** After a report or its record failed. Milliseconds. */
const TRY_AGAIN_MS = 5_000;
/** A poll that does not end in this time, independent of the source's own timeouts, makes its source blind. Milliseconds. */
export const POLL_TIMEOUT_MS = 120_000;

type WatchContext = Pick<MonitorContext, 'log' | 'report' | 'seen' | 'blind'>;

export class Watch {
  readonly #setup: Setup;
  readonly #context: WatchContext;
  readonly #reporter: Reporter;
  readonly #latest: LatestFacts;
  readonly #unreadable: UnreadableHosts;
  readonly #gaps: Gaps;
  readonly #tracks = new Map<string, Track>();
  readonly #bell = new WakeUp();
  #news = 0;

  constructor(setup: Setup, context: WatchContext, stateFile: HostStateFile) {
    this.#setup = setup;
    this.#context = context;
    this.#reporter = new Reporter(setup, context, stateFile);
    this.#latest = new LatestFacts(setup.sources.map(({ name }) => name));
    this.#unreadable = new UnreadableHosts(context.log);
    this.#gaps = new Gaps(context.log);
  }

  /** Until the signal; resolves when everything that was started has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { sources, policy, expected } = this.#setup;
    if (expected.fault !== undefined) {
      this.#context.log('warning', 'the inventory cannot be read; its hosts are not expected', {
        reason: expected.fault,
      });
    }
    if (requiresNoProof(policy)) {
      this.#context.log(
        'warning',
        'THE POLICY LETS HOSTS BE RECOVERED WITHOUT A PROOF THAT THEY ARE DEAD (proof: none)',
      );
    }
    const failed = new AbortController();
    const ends = AbortSignal.any([signal, failed.signal]);
    const works = [
      this.#decide(ends),
      ...sources.flatMap((source) => [this.#poll(source, ends), this.#follow(source, ends)]),
    ];
    const outcomes = await Promise.allSettled(works.map((work) => work.catch((error) => stop(failed, error))));
    const broken = outcomes.find((outcome) => outcome.status === 'rejected');
    if (broken !== undefined) throw broken.reason;
  }

  async #poll(source: Source, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const polledAt = performance.now();
      try {
        const facts = await readSource(source, AbortSignal.any([signal, AbortSignal.timeout(POLL_TIMEOUT_MS)]));
        if (signal.aborted) return;
        this.#latest.put(source.name, facts);
        this.#unreadable.note(source.name, facts);
        this.#gaps.noteNetworks(source.name, facts);
      } catch (error) {
        if (signal.aborted) return;
        const reason = errorMessage(error);
        if (this.#latest.cannotSee(source.name, reason) === 'news') {
          this.#context.log('warning', 'a source of host states cannot be read', { source: source.name, reason });
        }
      }
      this.#reportHealth();
      this.#learn();
      // A host may become suspected meanwhile; then the next poll is due sooner.
      for (
        let waitMs = this.#nextPollIn(polledAt);
        waitMs > 0 && !signal.aborted;
        waitMs = this.#nextPollIn(polledAt)
      ) {
        await this.#bell.wait(waitMs, signal);
      }
    }
  }

  #reportHealth(): void {
    const { policy, expected } = this.#setup;
    const watching = watchingOf(expected, this.#latest, policy);
    if (watching !== undefined) this.#gaps.noteWatching(watching);
    const health = healthOf(this.#latest, policy, watching, Date.now());
    if (health.is === 'blind') this.#context.blind(health.reason);
    else if (health.is === 'seeing') this.#context.seen();
  }

  #nextPollIn(polledAt: number): number {
    const { monitoringIntervalMs, suspicionIntervalMs } = this.#setup.options;
    const isSuspecting = [...this.#tracks.values()].some(({ settled }) => settled.state === 'suspected');
    const intervalMs = isSuspecting ? Math.min(suspicionIntervalMs, monitoringIntervalMs) : monitoringIntervalMs;
    return polledAt + intervalMs - performance.now();
  }

  async #follow(source: Source, signal: AbortSignal): Promise<void> {
    await source.follow?.(
      (facts) => {
        if (signal.aborted) return;
        this.#latest.add(source.name, facts);
        this.#learn();
      },
      this.#context.log,
      signal,
    );
  }

  #learn(): void {
    this.#news += 1;
    this.#bell.ring();
  }

  async #decide(signal: AbortSignal): Promise<void> {
    let known = 0;
    while (!signal.aborted) {
      if (known === this.#news) {
        await this.#bell.wait(this.#setup.options.monitoringIntervalMs, signal);
        continue;
      }
      known = this.#news;
      this.#gaps.noteGone(this.#hosts().filter((host) => this.#decideHost(host) === 'gone'));
      // Pollers wait for less while a host is suspected.
      this.#bell.ring();
      for (const host of this.#hosts()) {
        if (signal.aborted) return;
        const track = this.#tracks.get(host);
        if (track === undefined) continue;
        const facts = byHost(this.#latest.facts()).get(host) ?? [];
        if ((await this.#reporter.report(host, track, facts, signal)) === 'retry') known = -1;
      }
      if (this.#reporter.save() === 'retry') known = -1;
      if (known === -1) await this.#bell.wait(TRY_AGAIN_MS, signal);
    }
  }

  #hosts(): readonly string[] {
    return [...new Set([...byHost(this.#latest.facts()).keys(), ...this.#tracks.keys()])];
  }

  #decideHost(host: string): 'gone' | 'judged' {
    const now = Date.now();
    const { policy, options } = this.#setup;
    const facts = byHost(this.#latest.facts()).get(host) ?? [];
    const before = this.#tracks.get(host);
    if (facts.length === 0 && this.#latest.isComplete) {
      this.#tracks.delete(host);
      return 'gone';
    }
    const apartMs = Math.min(options.monitoringIntervalMs, options.suspicionIntervalMs) / 2;
    const track = settle(before, decide(facts, policy, now), { samples: options.monitoringSamples, apartMs }, now);
    this.#tracks.set(host, track);
    if (before?.settled.state !== track.settled.state) this.#logChange(host, before?.settled, track.settled);
    return 'judged';
  }

  #logChange(host: string, before: HostDecision | undefined, { state, reason, proof }: HostDecision): void {
    if (before === undefined && state === 'up') return;
    const level = state === 'dead' || state === 'suspected' ? 'warning' : 'info';
    this.#context.log(level, `host is ${state}`, { host, before: before?.state, proof, reason });
  }
}

function stop(failed: AbortController, error: unknown): never {
  failed.abort();
  throw error;
}
