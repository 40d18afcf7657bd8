/** The parsed entries of the list of processes: the watched processes, and the commands that start and restart them. */
import type { Command } from '#config/pipelines/command-line.ts';

/** `self`: as this process. Else with exactly these ids and no other groups. */
export type RunAs = 'self' | { readonly uid: number; readonly gid: number };

/** The commands, in this order; each one runs only if the one before ended with 0. */
export type Commands = readonly Command[];

interface Entry {
  /** Identifies the entry permanently: in the log, in the state file and across changes of the list. */
  readonly key: string;
  /** `process_name` of the notification. The engine recovers `nova-compute` and nothing else. */
  readonly reportAs: string;
}

/** An entry of masakari-monitors. */
export interface PlainEntry extends Entry {
  readonly kind: 'process';
  /** A process with this text in its command line is up, as in Masakari's search through `ps -ef`. */
  readonly processName: string;
  /** Ids of users whose processes count; undefined: see process-users.ts. */
  readonly users: readonly number[] | undefined;
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
  /** How a unit that was stopped in order is treated. */
  readonly whenStopped: 'leave' | 'restart';
}

export type ListEntry = PlainEntry | UnitEntry;
