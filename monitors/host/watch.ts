/**
 * Watches: every source is looked at in its own time, and whenever something is learned every host is judged and what
 * there is to report is reported (see reporter.ts), host by host.
 */
import type { MonitorContext } from '../monitor.ts';
import { Bell } from './bell.ts';
import { Board } from './board.ts';
import type { Source } from './fact.ts';
import { byHost, judge, settle, type Track, type Verdict } from './judge.ts';
import type { Ledger } from './ledger.ts';
import { Reporter } from './reporter.ts';
import { asksForNoProof, type Setup } from './setup.ts';
import { UnreadableHosts } from './unreadable-hosts.ts';

/** After a report or its record failed. Milliseconds. */
const TRY_AGAIN_MS = 5_000;
/** A source that does not end its look by then, whatever bounds of its own it has, is blind. Milliseconds. */
export const LOOK_TIMEOUT_MS = 120_000;

type WatchContext = Pick<MonitorContext, 'log' | 'report' | 'seen' | 'blind'>;

export class Watch {
  readonly #setup: Setup;
  readonly #context: WatchContext;
  readonly #reporter: Reporter;
  readonly #board: Board;
  readonly #unreadable: UnreadableHosts;
  readonly #tracks = new Map<string, Track>();
  readonly #bell = new Bell();
  #news = 0;

  constructor(setup: Setup, context: WatchContext, ledger: Ledger) {
    this.#setup = setup;
    this.#context = context;
    this.#reporter = new Reporter(setup, context, ledger);
    this.#board = new Board(setup.sources.map(({ name }) => name));
    this.#unreadable = new UnreadableHosts(context.log);
  }

  /** Until the signal; resolves when everything that was begun has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { sources, policy } = this.#setup;
    if (asksForNoProof(policy)) {
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
      const lookedAt = performance.now();
      try {
        const facts = await source.look(AbortSignal.any([signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]));
        if (signal.aborted) return;
        this.#board.put(source.name, facts);
        this.#unreadable.note(source.name, facts);
      } catch (error) {
        if (signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        if (this.#board.cannotSee(source.name, reason) === 'news') {
          this.#context.log('warning', 'a source of the state of hosts cannot see', { source: source.name, reason });
        }
      }
      const blindness = this.#board.blindness();
      if (blindness !== undefined) this.#context.blind(blindness);
      else if (this.#board.sees) this.#context.seen();
      this.#learn();
      // Suspicion may arise meanwhile; then the next look is due sooner.
      for (
        let waitMs = this.#nextLookIn(lookedAt);
        waitMs > 0 && !signal.aborted;
        waitMs = this.#nextLookIn(lookedAt)
      ) {
        await this.#bell.wait(waitMs, signal);
      }
    }
  }

  #nextLookIn(lookedAt: number): number {
    const { monitoringIntervalMs, suspicionIntervalMs } = this.#setup.options;
    const isSuspecting = [...this.#tracks.values()].some(({ settled }) => settled.state === 'suspected');
    const intervalMs = isSuspecting ? Math.min(suspicionIntervalMs, monitoringIntervalMs) : monitoringIntervalMs;
    return lookedAt + intervalMs - performance.now();
  }

  async #follow(source: Source, signal: AbortSignal): Promise<void> {
    await source.follow?.(
      (facts) => {
        if (signal.aborted) return;
        this.#board.add(source.name, facts);
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
      for (const host of this.#hosts()) this.#judgeHost(host);
      // Pollers wait for less while a host is suspected.
      this.#bell.ring();
      for (const host of this.#hosts()) {
        if (signal.aborted) return;
        const track = this.#tracks.get(host);
        if (track === undefined) continue;
        const facts = byHost(this.#board.facts()).get(host) ?? [];
        if ((await this.#reporter.report(host, track, facts, signal)) === 'try again') known = -1;
      }
      if (this.#reporter.save() === 'try again') known = -1;
      if (known === -1) await this.#bell.wait(TRY_AGAIN_MS, signal);
    }
  }

  #hosts(): readonly string[] {
    return [...new Set([...byHost(this.#board.facts()).keys(), ...this.#tracks.keys()])];
  }

  #judgeHost(host: string): void {
    const now = Date.now();
    const { policy, options } = this.#setup;
    const facts = byHost(this.#board.facts()).get(host) ?? [];
    const before = this.#tracks.get(host);
    if (facts.length === 0 && this.#board.isComplete) {
      // It does not belong to the cluster any more.
      this.#tracks.delete(host);
      return;
    }
    const apartMs = Math.min(options.monitoringIntervalMs, options.suspicionIntervalMs) / 2;
    const track = settle(before, judge(facts, policy, now), { samples: options.monitoringSamples, apartMs }, now);
    this.#tracks.set(host, track);
    if (before?.settled.state !== track.settled.state) this.#logChange(host, before?.settled, track.settled);
  }

  #logChange(host: string, before: Verdict | undefined, { state, reason, proof }: Verdict): void {
    if (before === undefined && state === 'up') return;
    const level = state === 'dead' || state === 'suspected' ? 'warning' : 'info';
    this.#context.log(level, `host is ${state}`, { host, before: before?.state, proof, reason });
  }
}

function stop(failed: AbortController, error: unknown): never {
  failed.abort();
  throw error;
}
