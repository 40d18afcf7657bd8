/**
 * The watch over the list: when each entry is polled, and what is decided then. `actions.ts` carries it out.
 *
 * Invariant: a restart or a report requires a poll of the same round.
 */

import { existsSync } from 'node:fs';
import type { EngineOptions } from '#config/options/options.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { MonitorContext } from '../service/monitor.ts';
import { Actions, nameOf } from './actions.ts';
import { CgroupEvents, cgroupMount } from './cgroup.ts';
import type { ListEntry } from './entry.ts';
import { decide, type Limits, type Step } from './process-decision.ts';
import { type ReadTable, readProcessTable } from './process-table.ts';
import { readBootId, readStandings, type Standings, standingOf, writeStandings } from './state-file.ts';
import { isShuttingDown, queryUnits, type Systemctl } from './unit.ts';
import { Watched } from './watched.ts';

/** The watch's access to the outside world; the tests replace it. */
export interface Outside {
  readonly systemctl: Systemctl;
  readonly readTable: ReadTable;
}

export const REAL_OUTSIDE: Outside = { systemctl: ['systemctl'], readTable: () => readProcessTable() };

type Settings = EngineOptions['processMonitor'];

/** A poll runs systemctl, or reads all of /proc. */
const MIN_POLL_PAUSE_MS = 250;
/** A monitor spends at most a 20th of its time on polls of processes that are down. */
const POLL_SHARE = 20;
/** Poll interval of a unit that is stopped, or up without a main process. */
const QUIET_UNIT_MS = 30_000;
const SYSTEMCTL_TIMEOUT_MS = 20_000;
/** The group is empty a moment before its last process counts as dead. */
const EAGER_WAITS_MS = [2, 10, 50];

export class Watch {
  readonly #context: MonitorContext;
  readonly #outside: Outside;
  readonly #mount = cgroupMount();
  readonly #ears: CgroupEvents;
  readonly #ownGroups = new Set<number>();
  readonly #actions: Actions;
  readonly #bootId = readBootId();
  readonly #standings: Standings;
  #settings: Settings;
  #watched: readonly Watched[] = [];
  #wake: () => void = () => {};
  #isAwake = false;
  #eager: number[] = [];
  #checkDue = 0;
  #held: string | undefined;
  #pollCostMs = 0;
  #isUnwritable = false;

  constructor(context: MonitorContext, outside: Outside, settings: Settings, entries: readonly ListEntry[]) {
    this.#context = context;
    this.#outside = outside;
    this.#settings = settings;
    this.#actions = new Actions({
      context,
      systemctl: outside.systemctl,
      ownGroups: this.#ownGroups,
      settings: () => this.#settings,
      save: (one) => this.#save(one),
      wake: () => this.wake(),
    });
    this.#ears = new CgroupEvents(() => {
      this.#eager = [...EAGER_WAITS_MS];
      this.wake();
    });
    this.#standings = this.#readStandings();
    this.take(settings, entries);
  }

  #readStandings(): Standings {
    const path = this.#settings.stateFile;
    try {
      return readStandings(path, this.#bootId);
    } catch (error) {
      this.#context.log('warning', 'the earlier restarts and reports are unknown; the count restarts', {
        file: path,
        reason: errorMessage(error),
      });
      return new Map();
    }
  }

  wake(): void {
    this.#isAwake = true;
    this.#wake();
  }

  /** Uses this list from now on; the state of entries that were in the last one is kept. */
  take(settings: Settings, entries: readonly ListEntry[]): void {
    const before = new Map(this.#watched.map((one) => [one.entry.key, one]));
    this.#settings = settings;
    this.#watched = entries.map((entry) => {
      const known = before.get(entry.key);
      before.delete(entry.key);
      const watched = known ?? new Watched(entry);
      watched.entry = entry;
      if (known === undefined) {
        watched.standing = standingOf(this.#standings, entry.key);
        // A new entry of a list that is watched already is restarted like any other, as masakari-monitors does.
        if (this.#watched.length > 0) watched.start = 'over';
      }
      return watched;
    });
    for (const gone of before.values()) gone.close();
    this.wake();
  }

  /** @param check is called once in each check_interval, before the poll. */
  async run(check: () => void): Promise<void> {
    const { signal } = this.#context;
    const onAbort = () => this.wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        await this.#round(check);
        await this.#sleep();
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      await this.#actions.ended();
      this.#ears.close();
      for (const one of this.#watched) one.close();
    }
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#eager.shift() ?? this.#settings.watchIntervalMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#isAwake || this.#context.signal.aborted) this.#wake();
      this.#isAwake = false;
    });
  }

  async #round(check: () => void): Promise<void> {
    const now = performance.now();
    if (now >= this.#checkDue) {
      this.#checkDue = now + this.#settings.checkIntervalMs;
      check();
      for (const one of this.#watched) one.dropStrangers();
    }
    const due = this.#watched.filter((one) => one.work === 'none' && this.#isDue(one, now));
    await this.#poll(due);
    if (this.#context.signal.aborted) return;
    await this.#act(due);
    if (this.#watched.every(({ poll }) => poll !== 'unknown')) this.#context.seen();
  }

  #isDue(one: Watched, now: number): boolean {
    const dead = one.dead();
    if (dead.length > 0) {
      const fields = { process: nameOf(one.entry), pid: dead.join(','), left: one.pids.length };
      this.#context.log(one.pids.length > 0 ? 'debug' : 'warning', 'a watched process has died', fields);
      if (one.pids.length === 0) return true;
    }
    if (one.entry.kind === 'process' && one.poll === 'up' && one.pids.length === 0) return true;
    return now >= one.pollDue;
  }

  async #poll(ones: readonly Watched[]): Promise<void> {
    const plain = ones.filter((one) => one.entry.kind === 'process' && !(one.poll === 'up' && one.pids.length > 0));
    const units = ones.flatMap((one) => (one.entry.kind === 'unit' ? [{ one, unit: one.entry.unit }] : []));
    const began = performance.now();
    if (plain.length > 0) {
      await this.#attempt(plain, async () => {
        const table = await this.#outside.readTable();
        for (const one of plain) one.takeProcesses(table, this.#ownGroups, this.#mount);
      });
    }
    if (units.length > 0) {
      const requested = units.map(({ one }) => one);
      await this.#attempt(requested, async () => {
        const limits = { timeoutMs: SYSTEMCTL_TIMEOUT_MS, signal: this.#context.signal };
        const names = units.map(({ unit }) => unit);
        const facts = await queryUnits(names, this.#outside.systemctl, limits);
        for (const [index, { one }] of units.entries()) {
          const fact = facts[index];
          if (fact !== undefined) one.takeUnit(fact, this.#mount);
          if (one.poll === 'unknown') this.#context.blind(`${names[index]}: ${one.detail}`);
        }
      });
    }
    if (plain.length + units.length === 0) return;
    this.#pollCostMs = performance.now() - began;
    this.#ears.receive(new Set(this.#watched.flatMap((one) => one.cgroups)));
  }

  async #attempt(ones: readonly Watched[], poll: () => Promise<void>): Promise<void> {
    try {
      await poll();
    } catch (error) {
      if (this.#context.signal.aborted) return;
      const reason = errorMessage(error);
      for (const one of ones) one.cannotBeSeen(reason);
      this.#context.blind(reason);
    }
  }

  async #act(polled: readonly Watched[]): Promise<void> {
    const now = Date.now();
    const limits = limitsOf(this.#settings);
    const decided = polled.map((one) => ({ one, ...decide(one.standing, one.poll, now, limits) }));
    const needsHand = decided.some(
      ({ one, step }) => step.do !== 'wait' || (one.start === 'due' && one.poll === 'down'),
    );
    const isHeld = needsHand && (await this.#isHeld());
    if (this.#context.signal.aborted) return;
    for (const { one, standing, step } of decided) {
      one.pollDue = performance.now() + this.#pauseAfter(one, step, now);
      if (isHeld && (step.do !== 'wait' || one.start === 'due')) continue;
      if (this.#actions.start(one, standing)) continue;
      const before = one.standing;
      one.standing = standing;
      if (before.failure?.report === 'made' && standing.failure === undefined) {
        this.#context.log('info', 'a process that was reported is up again', { process: nameOf(one.entry) });
      }
      if (step.do === 'restart') this.#actions.restart(one, step.why);
      else if (step.do === 'report') this.#actions.report(one, step.failure, step.why);
      else if (before.tries !== standing.tries || before.failure !== standing.failure) this.#save(one);
    }
  }

  /** Why no action is allowed now. Logged once, when it starts and when it ends. */
  async #isHeld(): Promise<boolean> {
    const { pauseFile } = this.#settings;
    const limits = { timeoutMs: SYSTEMCTL_TIMEOUT_MS, signal: this.#context.signal };
    const why =
      pauseFile !== '' && existsSync(pauseFile)
        ? `${pauseFile} exists`
        : existsSync('/run/systemd/system') && (await isShuttingDown(this.#outside.systemctl, limits))
          ? 'this host is shutting down'
          : undefined;
    if (why !== this.#held) {
      this.#context.log('info', why === undefined ? 'processes are restarted again' : 'nothing is restarted', {
        reason: why,
      });
    }
    this.#held = why;
    return why !== undefined;
  }

  /** Milliseconds until the next poll if no change is detected before. */
  #pauseAfter({ entry, poll, standing, pids }: Watched, step: Step, now: number): number {
    const { checkIntervalMs, watchIntervalMs } = this.#settings;
    const soon = Math.max(MIN_POLL_PAUSE_MS, watchIntervalMs, this.#pollCostMs * POLL_SHARE);
    const asDecided = step.do === 'wait' && step.pollAt !== undefined ? Math.max(0, step.pollAt - now) : undefined;
    if (poll === 'up') {
      if (asDecided !== undefined) return asDecided;
      if (entry.kind === 'process') return Number.POSITIVE_INFINITY;
      return pids.length > 0 ? 2 * QUIET_UNIT_MS : Math.max(checkIntervalMs, QUIET_UNIT_MS);
    }
    if (poll === 'stopped') return Math.max(checkIntervalMs, QUIET_UNIT_MS);
    if (standing.failure?.report === 'made' || poll === 'unknown') return checkIntervalMs;
    return asDecided === undefined ? soon : Math.min(asDecided, soon);
  }

  #save({ entry, standing }: Watched): void {
    this.#standings.set(entry.key, standing);
    const keys = new Set(this.#watched.map((one) => one.entry.key));
    for (const key of this.#standings.keys()) if (!keys.has(key)) this.#standings.delete(key);
    const path = this.#settings.stateFile;
    try {
      writeStandings(path, this.#bootId, this.#standings);
      this.#isUnwritable = false;
    } catch (error) {
      // Restarts and reports without a state file are better than none.
      if (!this.#isUnwritable) {
        const fields = { file: path, reason: errorMessage(error) };
        this.#context.log('error', 'the state file of the restarts and reports cannot be written', fields);
      }
      this.#isUnwritable = true;
    }
  }
}

export function limitsOf(settings: Settings): Limits {
  return {
    retries: settings.restartRetries,
    intervalMs: settings.restartIntervalMs,
    backoff: settings.restartBackoff,
    maxIntervalMs: settings.restartIntervalMaxMs,
    delayMs: settings.restartDelayMs,
    limit: settings.restartLimit,
    windowMs: settings.restartWindowMs,
    activationMs: settings.activationTimeoutMs,
  };
}
