/** What the list of processes says, parsed: what to watch, and what to run when it is gone. */
import type { Command } from '#config/command-line.ts';

/** `self`: as this process. Else with exactly these ids and no other groups. */
export type RunAs = 'self' | { readonly uid: number; readonly gid: number };

/** What is run, in this order; the next only if the one before ended with 0. */
export type Commands = readonly Command[];

interface Entry {
  /** Names the entry for good: in the log, in the state file and across changes of the list. */
  readonly key: string;
  /** `process_name` of the notification. The engine recovers `nova-compute` and nothing else. */
  readonly reportAs: string;
}

/** An entry of masakari-monitors. */
export interface PlainEntry extends Entry {
  readonly kind: 'process';
  /** Up is whatever has this text in its command line, as in Masakari's search through `ps -ef`. */
  readonly processName: string;
  /** pre, start, post; empty when the list has no start command. */
  readonly start: Commands;
  /** pre, restart, post. */
  readonly restart: Commands;
  readonly runAs: RunAs;
}

/** An entry of ours: a unit of systemd. */
export interface UnitEntry extends Entry {
  readonly kind: 'unit';
  /** With its suffix, e.g. `nova-compute.service`. */
  readonly unit: string;
  /** What a unit that was stopped in order counts as. */
  readonly whenStopped: 'leave' | 'restart';
}

export type ListEntry = PlainEntry | UnitEntry;
