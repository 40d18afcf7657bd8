/**
 * The watch over the list: looks, decides, and does what was decided.
 *
 * Invariants:
 * - nothing is restarted or reported but on a look of the same round;
 * - one thing at a time is done for an entry, and few at a time for all;
 * - a restart is on disk before it begins, a failure before it is reported; it is forgotten after `report` has resolved.
 */

import { existsSync } from 'node:fs';
import type { Command } from '#config/command-line.ts';
import type { EngineOptions } from '#config/options.ts';
import { type NotificationBody, wireTime } from '#protocol/notification.ts';
import type { MonitorContext } from '../monitor.ts';
import { CgroupEars, cgroupMount } from './cgroup.ts';
import {
  afterCommand,
  decide,
  type Failure,
  type Limits,
  type Standing,
  type Step,
  whenRestarting,
} from './decision.ts';
import type { Commands, ListEntry } from './entry.ts';
import { type ReadTable, readProcessTable } from './process-table.ts';
import { runCommand } from './run-command.ts';
import { readBootId, readStandings, type Standings, standingOf, writeStandings } from './standing-file.ts';
import { askUnits, isShuttingDown, type Systemctl } from './unit.ts';
import { Watched } from './watched.ts';

/** What the watch has of the outside world; the tests have their own. */
export interface Outside {
  readonly systemctl: Systemctl;
  readonly readTable: ReadTable;
}

export const REAL_OUTSIDE: Outside = { systemctl: ['systemctl'], readTable: () => readProcessTable() };

type Settings = EngineOptions['processMonitor'];

/** More restarts at a time would take the host's breath when many processes die at once. */
const MAX_WORK = 4;
/** A look costs a process of systemctl, or reading all of /proc. */
const MIN_LOOK_PAUSE_MS = 250;
/** Of its time a monitor spends no more than a 20th on looking for what is down. */
const LOOK_SHARE = 20;
/** A unit that is stopped, or up without a main process to feel, is asked for this seldom. */
const QUIET_UNIT_MS = 30_000;
const SYSTEMCTL_TIMEOUT_MS = 20_000;
/** The group is empty a moment before its last process counts as dead. */
const EAGER_WAITS_MS = [2, 10, 50];

export class Watch {
  readonly #context: MonitorContext;
  readonly #outside: Outside;
  readonly #mount = cgroupMount();
  readonly #ears: CgroupEars;
  readonly #ownGroups = new Set<number>();
  readonly #work = new Set<Promise<void>>();
  readonly #bootId = readBootId();
  readonly #standings: Standings;
  #settings: Settings;
  #watched: readonly Watched[] = [];
  #wake: () => void = () => {};
  #isAwake = false;
  #eager: number[] = [];
  #checkDue = 0;
  #held: string | undefined;
  #lookCostMs = 0;
  #isUnwritable = false;

  constructor(context: MonitorContext, outside: Outside, settings: Settings, entries: readonly ListEntry[]) {
    this.#context = context;
    this.#outside = outside;
    this.#settings = settings;
    this.#ears = new CgroupEars(() => {
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
      this.#context.log('warning', 'what was restarted and reported before is not known; it is counted anew', {
        file: path,
        reason: messageOf(error),
      });
      return new Map();
    }
  }

  wake(): void {
    this.#isAwake = true;
    this.#wake();
  }

  /** From now on this list; what is known of entries that were in the last one stays. */
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
        // An entry that is new in a list that is watched already is restarted like any other, as masakari-monitors does.
        if (this.#watched.length > 0) watched.start = 'over';
      }
      return watched;
    });
    for (const gone of before.values()) gone.close();
    this.wake();
  }

  /** @param check is called once in each check_interval, before the look. */
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
      await Promise.all(this.#work);
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
    await this.#look(due);
    if (this.#context.signal.aborted) return;
    await this.#act(due);
    if (this.#watched.every(({ look }) => look !== 'unknown')) this.#context.seen();
  }

  #isDue(one: Watched, now: number): boolean {
    const dead = one.dead();
    if (dead.length > 0) {
      const fields = { process: nameOf(one.entry), pid: dead.join(','), left: one.pids.length };
      this.#context.log(one.pids.length > 0 ? 'debug' : 'warning', 'a watched process has died', fields);
      if (one.pids.length === 0) return true;
    }
    if (one.entry.kind === 'process' && one.look === 'up' && one.pids.length === 0) return true;
    return now >= one.lookDue;
  }

  async #look(ones: readonly Watched[]): Promise<void> {
    const plain = ones.filter((one) => one.entry.kind === 'process' && !(one.look === 'up' && one.pids.length > 0));
    const units = ones.flatMap((one) => (one.entry.kind === 'unit' ? [{ one, unit: one.entry.unit }] : []));
    const began = performance.now();
    if (plain.length > 0) {
      await this.#attempt(plain, async () => {
        const table = await this.#outside.readTable();
        for (const one of plain) one.takeProcesses(table, this.#ownGroups, this.#mount);
      });
    }
    if (units.length > 0) {
      const asked = units.map(({ one }) => one);
      await this.#attempt(asked, async () => {
        const limits = { timeoutMs: SYSTEMCTL_TIMEOUT_MS, signal: this.#context.signal };
        const names = units.map(({ unit }) => unit);
        const facts = await askUnits(names, this.#outside.systemctl, limits);
        for (const [index, { one }] of units.entries()) {
          const fact = facts[index];
          if (fact !== undefined) one.takeUnit(fact, this.#mount);
          if (one.look === 'unknown') this.#context.blind(`${names[index]}: ${one.detail}`);
        }
      });
    }
    if (plain.length + units.length === 0) return;
    this.#lookCostMs = performance.now() - began;
    this.#ears.hear(new Set(this.#watched.flatMap((one) => one.cgroups)));
  }

  async #attempt(ones: readonly Watched[], look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      if (this.#context.signal.aborted) return;
      const reason = messageOf(error);
      for (const one of ones) one.cannotBeSeen(reason);
      this.#context.blind(reason);
    }
  }

  async #act(looked: readonly Watched[]): Promise<void> {
    const now = Date.now();
    const limits = limitsOf(this.#settings);
    const decided = looked.map((one) => ({ one, ...decide(one.standing, one.look, now, limits) }));
    const needsHand = decided.some(
      ({ one, step }) => step.do !== 'wait' || (one.start === 'due' && one.look === 'down'),
    );
    const isHeld = needsHand && (await this.#isHeld());
    if (this.#context.signal.aborted) return;
    for (const { one, standing, step } of decided) {
      one.lookDue = performance.now() + this.#pauseAfter(one, step, now);
      if (isHeld && (step.do !== 'wait' || one.start === 'due')) continue;
      if (this.#start(one, standing)) continue;
      const before = one.standing;
      one.standing = standing;
      if (before.failure?.report === 'made' && standing.failure === undefined) {
        this.#context.log('info', 'a process that was reported is up again', { process: nameOf(one.entry) });
      }
      if (step.do === 'restart') this.#restart(one, step.why);
      else if (step.do === 'report') this.#report(one, step.failure, step.why);
      else if (before.tries !== standing.tries || before.failure !== standing.failure) this.#save(one);
    }
  }

  /** Why nothing may be done now. Said once, when it begins and when it ends. */
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

  /** Milliseconds until it has to be looked at again although nothing was heard of it. */
  #pauseAfter({ entry, look, standing, pids }: Watched, step: Step, now: number): number {
    const { checkIntervalMs, watchIntervalMs } = this.#settings;
    const soon = Math.max(MIN_LOOK_PAUSE_MS, watchIntervalMs, this.#lookCostMs * LOOK_SHARE);
    const asDecided = step.do === 'wait' && step.lookAt !== undefined ? Math.max(0, step.lookAt - now) : undefined;
    if (look === 'up') {
      if (asDecided !== undefined) return asDecided;
      if (entry.kind === 'process') return Number.POSITIVE_INFINITY;
      return pids.length > 0 ? 2 * QUIET_UNIT_MS : Math.max(checkIntervalMs, QUIET_UNIT_MS);
    }
    if (look === 'stopped') return Math.max(checkIntervalMs, QUIET_UNIT_MS);
    if (standing.failure?.report === 'made' || look === 'unknown') return checkIntervalMs;
    return asDecided === undefined ? soon : Math.min(asDecided, soon);
  }

  /**
   * As masakari-monitors when it begins, except that what runs is left running, and what was reported before is left
   * alone. Says whether it has to do with the entry.
   */
  #start(one: Watched, standing: Standing): boolean {
    const { entry, look } = one;
    if (one.start === 'over' || look === 'unknown') return false;
    const isWanted = look === 'down' && standing.failure === undefined && standing.tries === 0;
    if (entry.kind !== 'process' || entry.start.length === 0 || !isWanted) {
      one.start = 'over';
      return false;
    }
    if (this.#work.size >= MAX_WORK) return true;
    one.start = 'over';
    this.#do(one, 'start', async () => {
      this.#context.log('info', 'a process of the list is not running and is started', { process: nameOf(entry) });
      await this.#runAll(one, entry.start);
      one.standing = afterCommand(one.standing, Date.now());
    });
    return true;
  }

  #restart(one: Watched, why: string): void {
    if (this.#work.size >= MAX_WORK) return;
    this.#do(one, 'restart', async () => {
      this.#context.log('warning', 'a process is down and is restarted', { process: nameOf(one.entry), reason: why });
      one.standing = whenRestarting(one.standing, Date.now());
      this.#save(one);
      await this.#runAll(one, this.#restartCommands(one.entry));
      one.standing = afterCommand(one.standing, Date.now());
      this.#save(one);
    });
  }

  #report(one: Watched, failure: Failure, why: string): void {
    this.#save(one);
    this.#do(one, 'report', async () => {
      const fields = { process: nameOf(one.entry), reported_as: one.entry.reportAs, reason: why };
      this.#context.log('error', 'a process is down for good and is reported', fields);
      await this.#context.report(notificationOf(this.#context.node, one.entry.reportAs, failure.at));
      one.standing = { ...one.standing, failure: { ...failure, report: 'made' } };
      this.#save(one);
    });
  }

  #do(one: Watched, what: 'start' | 'restart' | 'report', action: () => Promise<void>): void {
    one.work = what;
    const done = action()
      .catch((error: unknown) => {
        const fields = { process: nameOf(one.entry), what, reason: messageOf(error) };
        this.#context.log('error', 'what had to be done for a process failed; it is tried again', fields);
        one.lookDue = performance.now() + this.#settings.checkIntervalMs;
      })
      .finally(() => {
        if (what !== 'report') one.lookDue = 0;
        one.work = 'none';
        this.#work.delete(done);
        this.wake();
      });
    this.#work.add(done);
  }

  #restartCommands(entry: ListEntry): Commands {
    if (entry.kind === 'process') return entry.restart;
    const systemctl = (...argv: string[]): Command => ({
      argv: [...this.#outside.systemctl, ...argv],
      text: `systemctl ${argv.join(' ')}`,
    });
    // A unit that failed too often in a row is not started without it. What comes of it is seen, not waited for here.
    return [systemctl('reset-failed', entry.unit), systemctl('restart', '--no-block', entry.unit)];
  }

  async #runAll({ entry }: Watched, commands: Commands): Promise<void> {
    const limits = { timeoutMs: this.#settings.commandTimeoutMs, signal: this.#context.signal };
    const runAs = entry.kind === 'process' ? entry.runAs : 'self';
    for (const command of commands) {
      const end = await runCommand(command, runAs, limits, this.#ownGroups);
      if (end === 'ended well') continue;
      const fields = { process: nameOf(entry), command: command.text, reason: end.failed };
      // systemd knows no failures of a unit that it has not loaded; it is started nevertheless.
      if (entry.kind === 'unit' && command !== commands.at(-1)) continue;
      this.#context.log('warning', 'a command of the list failed', fields);
      return;
    }
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
      // Better to restart and report without a memory than not at all.
      if (!this.#isUnwritable) {
        const fields = { file: path, reason: messageOf(error) };
        this.#context.log('error', 'what was restarted and reported cannot be written down', fields);
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

/** Masakari's body; the time without a zone is UTC, as its monitors send it. */
export function notificationOf(node: string, processName: string, at: number): NotificationBody {
  return {
    notification: {
      type: 'PROCESS',
      hostname: node,
      generated_time: wireTime(at),
      payload: { event: 'STOPPED', process_name: processName },
    },
  };
}

export function nameOf(entry: ListEntry): string {
  return entry.kind === 'unit' ? entry.unit : entry.processName;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
