/**
 * The process monitor: restarts the processes of a list that end, and reports those that do not stay up.
 *
 * Invariant: there is always one list that was valid as a whole; an invalid one changes nothing.
 */

import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { CreateMonitor, Monitor, MonitorContext, Observation, Recheck } from '../service/monitor.ts';
import { nameOf } from './actions.ts';
import { defaultEntries } from './default-list.ts';
import type { ListEntry } from './entry.ts';
import { NO_FILE, readListFile, stampOf } from './list-file.ts';
import { parseProcessList } from './process-list.ts';
import { downDetail, matching } from './process-table.ts';
import { queryUnits } from './unit.ts';
import { type Identity, identityFor } from './user.ts';
import { type Outside, REAL_OUTSIDE, Watch } from './watch.ts';
import { stateOfUnit } from './watched.ts';

const POLL_TIMEOUT_MS = 20_000;

type Settings = EngineOptions['processMonitor'];

interface List {
  readonly settings: Settings;
  readonly identity: Identity;
  readonly entries: readonly ListEntry[];
  /** The stamp of the file when it was read. */
  readonly stamp: string;
}

export const create: CreateMonitor = (options, node) => createWith(options, node, REAL_OUTSIDE);

export async function createWith(options: EngineOptions, node: string, outside: Outside): Promise<ProcessMonitor> {
  return new ProcessMonitor(await listOf(options.processMonitor), node, outside);
}

/** Throws `ConfigurationError`. */
async function listOf(settings: Settings): Promise<List> {
  return readList(settings, await identityFor(settings.user));
}

function readList(settings: Settings, identity: Identity): List {
  const path = settings.processListPath;
  // Read before the file, so that a change during the read counts as a later change.
  const stamp = stampOf(path);
  const usual = path === DEFAULT_OPTIONS.processMonitor.processListPath && stamp === NO_FILE ? defaultEntries() : [];
  if (usual.length > 0 && identity.uid === 0) return { settings, identity, stamp, entries: usual };
  const text = readListFile(path);
  return { settings, identity, stamp, entries: parseProcessList(path, text, identity) };
}

class ProcessMonitor implements Monitor {
  readonly name = 'process';
  readonly #node: string;
  readonly #outside: Outside;
  #list: List;
  /** The stamp of the file that was read last, valid or not. */
  #stamp: string;
  #watch: Watch | undefined;

  constructor(list: List, node: string, outside: Outside) {
    this.#list = list;
    this.#stamp = list.stamp;
    this.#node = node;
    this.#outside = outside;
  }

  get blindAfterMs(): number {
    return Math.max(30_000, 6 * this.#list.settings.checkIntervalMs);
  }

  async run(context: MonitorContext): Promise<void> {
    const { settings, entries, stamp } = this.#list;
    const units = entries.map(nameOf).join(', ');
    if (stamp === NO_FILE)
      context.log('info', 'there is no list of processes; the usual units are watched', {
        file: settings.processListPath,
        units,
      });
    this.#watch = new Watch(context, this.#outside, settings, entries);
    try {
      await this.#watch.run(() => this.#rereadChangedFile(context));
    } finally {
      this.#watch = undefined;
    }
  }

  #rereadChangedFile(context: MonitorContext): void {
    const { settings, identity } = this.#list;
    const stamp = stampOf(settings.processListPath);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      this.#take(readList(settings, identity));
      const fields = { file: settings.processListPath, entries: this.#list.entries.length };
      context.log('info', 'the list of processes has changed and is applied', fields);
    } catch (error) {
      const fields = { file: settings.processListPath, problems: errorMessage(error) };
      context.log('error', 'the list of processes has changed and is invalid; the old one stays', fields);
    }
  }

  #take(list: List): void {
    this.#list = list;
    this.#stamp = list.stamp;
    this.#watch?.take(list.settings, list.entries);
  }

  async reload(options: EngineOptions): Promise<void> {
    this.#take(await listOf(options.processMonitor));
  }

  async poll(signal: AbortSignal): Promise<readonly Observation[]> {
    return this.#observations(this.#list.entries, signal);
  }

  async #observations(entries: readonly ListEntry[], signal: AbortSignal): Promise<readonly Observation[]> {
    const table = entries.some(({ kind }) => kind === 'process') ? await this.#outside.readTable() : [];
    const units = entries.flatMap((entry) => (entry.kind === 'unit' ? [entry.unit] : []));
    const limits = { timeoutMs: POLL_TIMEOUT_MS, signal };
    const facts = new Map(
      (await queryUnits(units, this.#outside.systemctl, limits)).map((fact) => [fact.unit, fact] as const),
    );
    return entries.map((entry): Observation => {
      const subject = nameOf(entry);
      if (entry.kind === 'process') {
        const { found, foreign } = matching(table, entry, new Set());
        const pids = found.map(({ pid }) => pid);
        if (pids.length === 0) return { subject, state: 'down', detail: downDetail(foreign) };
        const more = pids.length > 10 ? ` and ${pids.length - 10} more` : '';
        return { subject, state: 'up', detail: `pid ${pids.slice(0, 10).join(', ')}${more}` };
      }
      const fact = facts.get(entry.unit);
      if (fact === undefined) return { subject, state: 'unknown', detail: '' };
      return { subject, state: stateOfUnit(fact, entry.whenStopped), detail: fact.detail };
    });
  }

  async recheck({ notification }: NotificationBody): Promise<Recheck> {
    if (notification.type !== 'PROCESS' || notification.hostname !== this.#node) return 'unknown';
    const { event, process_name: name } = notification.payload;
    const entries = this.#list.entries.filter(({ reportAs }) => reportAs === name);
    if (event !== 'STOPPED' || entries.length === 0) return 'unknown';
    try {
      const observations = await this.#observations(entries, AbortSignal.timeout(POLL_TIMEOUT_MS));
      // A unit that was stopped in order since the report is down as well.
      if (observations.some(({ state }) => state === 'down' || state === 'stopped')) return 'still';
      return observations.every(({ state }) => state === 'up') ? 'over' : 'unknown';
    } catch {
      return 'unknown';
    }
  }
}
