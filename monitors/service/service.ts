/**
 * Runs several monitors in one process, and watches them: one that ends is begun again, one that has not seen for too long
 * is reported as blind, and as able to see again.
 *
 * Invariant: a monitor's fault is its own; the others go on. What was reported lies in the outbox before a monitor hears so.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '#protocol/log.ts';
import type { InstanceFacts, Monitor, MonitorContext, MonitorName } from './monitor.ts';
import {
  couldNotSee,
  judgeSight,
  type SightChange,
  type Sightedness,
  sawAll,
  startSightedness,
} from './sightedness.ts';

/** Between the end of a monitor that should not end and its next beginning: first and longest. */
const BEGIN_AGAIN_MS = [1_000, 60_000] as const;
/** How long monitors have to end after they were asked to. */
const END_MS = 10_000;

export interface MonitorState {
  readonly monitor: MonitorName;
  readonly state: 'seeing' | 'blind';
  readonly reason: string | null;
  /** Since it last saw. */
  readonly unseenMs: number;
}

export interface ServiceOptions {
  readonly monitors: readonly Monitor[];
  /** The name of this host, as Nova has it. */
  readonly node: string;
  readonly log: Log;
  readonly report: MonitorContext['report'];
  readonly askInstance: (uuid: string) => Promise<InstanceFacts | undefined>;
  /** Told when a monitor became blind or sees again. */
  readonly onState: (states: readonly MonitorState[]) => void;
}

export class MonitorService {
  readonly #options: ServiceOptions;
  readonly #sights = new Map<MonitorName, Sightedness>();
  readonly #end = new AbortController();

  constructor(options: ServiceOptions) {
    this.#options = options;
    const now = performance.now();
    for (const { name } of options.monitors) this.#sights.set(name, startSightedness(now));
  }

  get states(): readonly MonitorState[] {
    const now = performance.now();
    return [...this.#sights].map(([monitor, { is, reason, lastSeen }]) => {
      return { monitor, state: is, reason, unseenMs: now - lastSeen };
    });
  }

  /** Watches until `stop`; resolves when every monitor has ended, or did not in time. */
  async run(): Promise<void> {
    const { monitors } = this.#options;
    const { signal } = this.#end;
    const shortest = Math.min(...monitors.map(({ blindAfterMs }) => blindAfterMs));
    const look = setInterval(() => this.#lookAtAll(), Math.max(50, shortest / 2));
    const asked = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    const running = Promise.all(monitors.map((monitor) => this.#keep(monitor)));
    try {
      await Promise.race([running, asked.then(() => delay(END_MS, undefined, { ref: false }))]);
    } finally {
      clearInterval(look);
    }
  }

  stop(): void {
    this.#end.abort();
  }

  async #keep(monitor: Monitor): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#end;
    let waitMs: number = BEGIN_AGAIN_MS[0];
    while (!signal.aborted) {
      const began = performance.now();
      try {
        await monitor.run(this.#contextOf(monitor));
        if (signal.aborted) return;
        this.#cannotSee(monitor, 'it ended by itself');
      } catch (error) {
        if (signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        this.#cannotSee(monitor, reason);
        log('error', 'monitor failed and is begun again', { monitor: monitor.name, reason });
      }
      // One that ran well for a while has earned a fresh start.
      if (performance.now() - began > BEGIN_AGAIN_MS[1]) waitMs = BEGIN_AGAIN_MS[0];
      await delay(waitMs, undefined, { signal }).catch(() => {});
      waitMs = Math.min(waitMs * 2, BEGIN_AGAIN_MS[1]);
    }
  }

  #contextOf(monitor: Monitor): MonitorContext {
    const { node, log, report, askInstance } = this.#options;
    return {
      node,
      log: (level, message, fields) => log(level, message, { monitor: monitor.name, ...fields }),
      signal: this.#end.signal,
      report,
      askInstance,
      seen: () => this.#change(monitor, sawAll(this.#sightOf(monitor), performance.now())),
      blind: (reason) => this.#cannotSee(monitor, reason),
    };
  }

  #sightOf({ name }: Monitor): Sightedness {
    return this.#sights.get(name) ?? startSightedness(performance.now());
  }

  #cannotSee(monitor: Monitor, reason: string): void {
    const before = this.#sightOf(monitor);
    if (before.reason !== reason) this.#options.log('warning', 'cannot see', { monitor: monitor.name, reason });
    this.#sights.set(monitor.name, couldNotSee(before, reason));
  }

  #lookAtAll(): void {
    for (const monitor of this.#options.monitors) {
      this.#change(monitor, judgeSight(this.#sightOf(monitor), performance.now(), monitor.blindAfterMs));
    }
  }

  #change({ name, blindAfterMs }: Monitor, [sight, change]: readonly [Sightedness, SightChange]): void {
    this.#sights.set(name, sight);
    if (change === 'none') return;
    const { log, onState } = this.#options;
    if (change === 'sees again') log('info', 'monitor sees again', { monitor: name });
    else log('error', 'monitor is blind', { monitor: name, after_seconds: blindAfterMs / 1000, reason: sight.reason });
    onState(this.states);
  }
}
