/**
 * One watched entry of the list: its last poll, and the liveness checks (`Pulse`) that show whether the result still holds.
 *
 * Invariant: it stays `up` without a new poll only as long as one process that was found for it lives, and for a unit
 * its main process.
 */
import { join } from 'node:path';
import { cgroupOf } from './cgroup.ts';
import type { ListEntry } from './entry.ts';
import { Pulse } from './liveness.ts';
import { type PollState, type Standing, UNKNOWN_STANDING } from './process-decision.ts';
import { downDetail, matching, type Running, readRunning } from './process-table.ts';
import type { UnitFacts } from './unit.ts';

/** The checks for a name that matches hundreds of processes are limited to this: when all are dead the table is read again. */
const MAX_PULSES = 16;

export class Watched {
  entry: ListEntry;
  poll: PollState = 'unknown';
  detail = 'not polled yet';
  standing: Standing = UNKNOWN_STANDING;
  /** Its start commands are run once, when the monitor starts and the process is not running. */
  start: 'due' | 'over' = 'due';
  /** Time of its next poll unless a process ends before; by `performance.now()`. */
  pollDue = 0;
  /** The current action for it. During an action it is not polled. */
  work: 'none' | 'start' | 'restart' | 'report' = 'none';
  #pulses: readonly Pulse[] = [];
  #cgroups: readonly string[] = [];

  constructor(entry: ListEntry) {
    this.entry = entry;
  }

  get cgroups(): readonly string[] {
    return this.#cgroups;
  }

  get pids(): readonly number[] {
    return this.#pulses.map(({ pid }) => pid);
  }

  /** The numbers of those that have died since the last call; empty if nothing has changed. */
  dead(): readonly number[] {
    const dead = this.#pulses.filter((pulse) => !pulse.beats());
    if (dead.length === 0) return [];
    for (const pulse of dead) pulse.close();
    this.#pulses = this.#pulses.filter((pulse) => !dead.includes(pulse));
    return dead.map(({ pid }) => pid);
  }

  /** A process can become another program (exec); a process that no longer matches is dropped. */
  dropStrangers(): void {
    if (this.entry.kind !== 'process') return;
    const { processName } = this.entry;
    // Dead processes are kept: their liveness checks find them.
    const strangers = this.#pulses.filter(
      ({ pid }) => readRunning('/proc', pid)?.commandLine.includes(processName) === false,
    );
    for (const pulse of strangers) pulse.close();
    this.#pulses = this.#pulses.filter((pulse) => !strangers.includes(pulse));
  }

  takeProcesses(table: readonly Running[], ownGroups: ReadonlySet<number>, mount: string | undefined): void {
    if (this.entry.kind !== 'process') return;
    const { found, foreign } = matching(table, this.entry, ownGroups);
    // The table is a moment old already: only processes that live now are up.
    this.#follow(found.map(({ pid }) => pid));
    this.poll = this.#pulses.length > 0 ? 'up' : 'down';
    this.detail = this.poll === 'up' ? `pid ${this.pids.join(', ')}` : downDetail(foreign);
    this.#cgroups = mount === undefined ? [] : this.pids.flatMap((pid) => cgroupOf(pid, mount) ?? []);
  }

  takeUnit(facts: UnitFacts, mount: string | undefined): void {
    if (this.entry.kind !== 'unit') return;
    this.detail = facts.mainPid === undefined ? facts.detail : `${facts.detail}, pid ${facts.mainPid}`;
    this.#follow(facts.mainPid === undefined ? [] : [facts.mainPid]);
    // The main process is dead and systemd has not processed that yet: the next poll reads the result.
    const isBehind = facts.mainPid !== undefined && this.#pulses.length === 0;
    this.poll = isBehind ? 'starting' : stateOfUnit(facts, this.entry.whenStopped);
    this.#cgroups = mount === undefined || facts.cgroup === undefined ? [] : [join(mount, facts.cgroup)];
  }

  cannotBeSeen(reason: string): void {
    this.poll = 'unknown';
    this.detail = reason;
  }

  #follow(pids: readonly number[]): void {
    const kept = this.#pulses.filter((pulse) => pids.includes(pulse.pid) && pulse.beats());
    for (const pulse of this.#pulses) if (!kept.includes(pulse)) pulse.close();
    const known = kept.map(({ pid }) => pid);
    const fresh = pids.filter((pid) => !known.includes(pid)).slice(0, Math.max(0, MAX_PULSES - kept.length));
    this.#pulses = [...kept, ...fresh.flatMap((pid) => Pulse.of(pid) ?? [])];
  }

  close(): void {
    for (const pulse of this.#pulses) pulse.close();
    this.#pulses = [];
  }
}

/** A masked unit cannot be started, even if the list requires it. */
export function stateOfUnit(facts: UnitFacts, whenStopped: 'leave' | 'restart'): PollState {
  return facts.poll === 'stopped' && whenStopped === 'restart' && !facts.isMasked ? 'down' : facts.poll;
}
