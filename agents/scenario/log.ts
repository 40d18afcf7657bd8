/**
 * The log of a scenario: one line for each thing that happened, with its simulated time.
 *
 * Invariant: equal scenarios give equal lines. No line contains a wall clock, a process ID, a path or a random identifier.
 */
import { type Call, isAct } from '#engine/cloud/simulated/calls.ts';
import type { Clock } from '#protocol/clock.ts';
import { LOG_LEVELS, type LogFields, type LogLevel } from '#protocol/log.ts';
import type { WatchNotice } from '#protocol/views.ts';
import { formatFields } from '../logger.ts';
import type { Names } from './names.ts';

/**
 * Messages that no scenario is about. The audit repeats each report and command. `status.json` is written in real time: when a second
 * engine starts, whether the first one has finished its file depends on the load of the machine.
 */
const LEFT_OUT = ['audit: ', 'status.json cannot be written'];

export interface LogSettings {
  readonly clock: Clock;
  readonly names: Names;
  /** Of the journal. */
  readonly directory: string;
  readonly minimum: LogLevel;
  /** Receives each line when it is written. */
  readonly onLine: (line: LogLine) => void;
}

export interface LogLine {
  /** Seconds from the start. */
  readonly at: number;
  /** `event`, `cloud`, `program` or the node of an engine. */
  readonly source: string;
  readonly text: string;
}

export class ScenarioLog {
  readonly #settings: LogSettings;
  readonly #start: number;

  constructor(settings: LogSettings) {
    this.#settings = settings;
    this.#start = settings.clock.now();
  }

  add(source: string, text: string): void {
    const { clock, names, directory, onLine } = this.#settings;
    const stable = names.in(text).replaceAll(directory, 'DIRECTORY').replaceAll(`pid ${process.pid}`, 'pid PID');
    onLine({ at: (clock.now() - this.#start) / 1000, source, text: stable });
  }

  engine(node: string, level: LogLevel, message: string, fields: LogFields = {}): void {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.#settings.minimum)) return;
    if (LEFT_OUT.some((start) => message.startsWith(start))) return;
    if (typeof fields.uuid === 'string') this.#settings.names.give(fields.uuid, 'notification');
    if (typeof fields.flow === 'string') this.#settings.names.give(fields.flow, 'flow');
    this.add(node, `${level.padEnd(7)} ${message}${formatFields(fields)}`);
  }

  /** Counts of instances are left out: each evacuation has its own line of progress. */
  progress(node: string, notice: WatchNotice): void {
    if (notice.kind !== 'event') return;
    this.add(node, `${notice.task ?? 'flow'} ${notice.progress.toFixed(2)} ${notice.message}`);
  }

  /** Reads are left out: only the order of changes is a guarantee. */
  call(node: string, { method, args, outcome }: Call): void {
    if (!isAct(method)) return;
    const { uuid, host, ...rest } = args;
    const object = uuid ?? host;
    const options = uuid === undefined ? rest : { ...rest, host };
    const fields = formatFields(options as LogFields);
    this.add('cloud', `${method} ${object}${fields} (${node})${outcome === 'answered' ? '' : `: ${outcome}`}`);
  }
}
