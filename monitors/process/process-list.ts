/**
 * The list of processes: process_list.yaml of masakari-monitors as it is, and entries for systemd units.
 *
 * Invariant: the list is used only if all of it is valid; every fault is reported with its line. An entry never runs with
 * more rights than it sets.
 */

import { isMap, isNode, isSeq, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import { didYouMean } from '#config/document/nearest.ts';
import { ConfigurationError, errorAt, type Position, type Problem } from '#config/document/problem.ts';
import { shown } from '#config/options/kinds.ts';
import { type Command, splitCommand } from '#config/pipelines/command-line.ts';
import type { ListEntry, PlainEntry, RunAs, UnitEntry } from './entry.ts';
import { type Identity, uidOf } from './user.ts';

const START = ['pre_start_command', 'start_command', 'post_start_command'] as const;
const RESTART = ['pre_restart_command', 'restart_command', 'post_restart_command'] as const;
const PLAIN_KEYS = ['process_name', ...START, ...RESTART, 'run_as_root', 'report_as', 'users'];
const UNIT_KEYS = ['systemd_unit', 'respect_stop', 'report_as'];
/** Each entry costs two system calls for each poll. */
const MAX_ENTRIES = 500;
const UNIT_NAME = /^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}$/;
const UNIT_SUFFIX = /\.(service|socket|target|mount|automount|swap|timer|path|slice|scope|device)$/;
/** Limit of Masakari's schema for process_name. */
const MAX_NAME_LENGTH = 4096;

/** @throws ConfigurationError with all faults */
export function parseProcessList(file: string, text: string, identity: Identity): readonly ListEntry[] {
  const lines = new LineCounter();
  // masakari-monitors reads YAML 1.1 (PyYAML), where yes and on are true.
  const document = parseDocument(text, { version: '1.1', lineCounter: lines, prettyErrors: false });
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const top = place(0);
  const notYaml = document.errors.map((error) => errorAt(place(error.pos[0]), `this is not YAML: ${error.message}`));
  if (notYaml.length > 0) throw new ConfigurationError(notYaml);
  const items = isSeq(document.contents) ? document.contents.items : [];
  const values = valuesOf(() => document.toJS(), top);
  if (!Array.isArray(values) || values.length === 0) {
    throw new ConfigurationError([errorAt(top, 'a list of processes is needed: entries that begin with "- "')]);
  }
  if (values.length > MAX_ENTRIES) throw new ConfigurationError([errorAt(top, `more than ${MAX_ENTRIES} entries`)]);
  const problems: Problem[] = [];
  const entries: ListEntry[] = [];
  const taken = new Map<string, number>();
  for (const [index, value] of values.entries()) {
    const raw = new RawEntry(value, items[index], place, problems);
    const entry = raw.has('systemd_unit') ? unitEntry(raw, identity) : plainEntry(raw, identity);
    if (entry === undefined) continue;
    const earlier = taken.get(entry.key);
    if (earlier !== undefined) raw.fault('', `is in the list twice; the first one is at line ${earlier}`);
    taken.set(entry.key, raw.at('').line);
    entries.push(entry);
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return entries;
}

function valuesOf(read: () => unknown, top: Position): unknown {
  try {
    return read();
  } catch {
    throw new ConfigurationError([errorAt(top, 'this is not YAML: an alias has no anchor, or there are too many')]);
  }
}

/** One entry as written in the file. */
class RawEntry {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #node: unknown;
  readonly #place: (offset: number) => Position;
  readonly #problems: Problem[];

  constructor(value: unknown, node: unknown, place: (offset: number) => Position, problems: Problem[]) {
    const isTree = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.#fields = new Map(isTree ? Object.entries(value) : []);
    this.#node = node;
    this.#place = place;
    this.#problems = problems;
  }

  /** A key without a value is treated as missing, as in Masakari's sample. */
  has(key: string): boolean {
    return (this.#fields.get(key) ?? null) !== null;
  }

  /** The position of a key; the start of the entry if the key is missing. */
  at(key: string): Position {
    const node = this.#node;
    const pair = isMap<ParsedNode>(node) ? node.items.find((item) => String(item.key) === key) : undefined;
    const found = pair?.key ?? node;
    return this.#place(isNode(found) ? (found.range?.[0] ?? 0) : 0);
  }

  fault(key: string, message: string): undefined {
    this.#problems.push(errorAt(this.at(key), key === '' ? `this entry ${message}` : `${key} ${message}`));
    return undefined;
  }

  onlyKnows(known: readonly string[]): void {
    for (const key of this.#fields.keys()) {
      if (!known.includes(key)) {
        this.#problems.push(errorAt(this.at(key), `unknown key ${shown(key)}${didYouMean(key, known)}`));
      }
    }
  }

  text(key: string): string | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#fields.get(key);
    if (typeof value !== 'string') return this.fault(key, 'must be a text; put it into quotes');
    if (value.trim() === '') return undefined;
    return value.length > MAX_NAME_LENGTH ? this.fault(key, `is longer than ${MAX_NAME_LENGTH} characters`) : value;
  }

  flag(key: string): boolean | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#fields.get(key);
    return typeof value === 'boolean' ? value : this.fault(key, 'must be true or false');
  }

  /** Names or ids of users, as ids. */
  users(): readonly number[] | undefined {
    if (!this.has('users')) return undefined;
    const value = this.#fields.get('users');
    const names = (Array.isArray(value) ? value : [value]).map(String);
    if (names.length === 0) return this.fault('users', 'lists no user');
    const unknown = names.find((name) => uidOf(name) === undefined);
    if (unknown !== undefined) return this.fault('users', `has ${shown(unknown)}, a user that this host does not know`);
    return names.flatMap((name) => uidOf(name) ?? []);
  }

  commands(keys: readonly string[]): readonly Command[] {
    return keys.flatMap((key) => {
      const text = this.text(key);
      if (text === undefined) return [];
      const split = splitCommand(text);
      if ('command' in split) return [split.command];
      this.fault(key, split.fault);
      return [];
    });
  }
}

function plainEntry(raw: RawEntry, identity: Identity): PlainEntry | undefined {
  raw.onlyKnows(PLAIN_KEYS);
  const processName = raw.text('process_name');
  if (processName === undefined) return raw.fault('', 'has neither a process_name nor a systemd_unit');
  if (/[\r\n]/.test(processName)) raw.fault('process_name', 'contains a line break');
  if (!raw.has('restart_command')) raw.fault('', 'has no restart_command');
  const start = raw.commands(START);
  const restart = raw.commands(RESTART);
  const runAs = runAsOf(raw, identity);
  const users = raw.users();
  const reportAs = raw.text('report_as') ?? lastElement(processName);
  if (runAs === undefined) return undefined;
  const hasStart = raw.has('start_command');
  return {
    kind: 'process',
    key: `process ${processName}`,
    reportAs,
    processName,
    users,
    start: hasStart ? start : [],
    restart,
    runAs,
  };
}

/** `/usr/bin/python3 /usr/bin/nova-compute` is reported as `nova-compute`. */
function lastElement(processName: string): string {
  const trimmed = processName.trim();
  return trimmed.slice(trimmed.lastIndexOf('/') + 1) || trimmed;
}

function runAsOf(raw: RawEntry, { uid, user }: Identity): RunAs | undefined {
  const asRoot = raw.flag('run_as_root');
  if (asRoot === undefined) {
    return raw.has('run_as_root') ? undefined : raw.fault('', 'has no run_as_root: true or false');
  }
  if (asRoot) return uid === 0 ? 'self' : raw.fault('run_as_root', `is true, but this monitor runs as user ${uid}`);
  if (uid !== 0) return 'self';
  return user ?? raw.fault('run_as_root', 'is false and this monitor is root; name a user in [process] user');
}

function unitEntry(raw: RawEntry, { uid }: Identity): UnitEntry | undefined {
  raw.onlyKnows(UNIT_KEYS);
  const name = raw.text('systemd_unit');
  if (name === undefined) return undefined;
  if (!UNIT_NAME.test(name)) return raw.fault('systemd_unit', `is no name of a unit: ${shown(name)}`);
  const unit = UNIT_SUFFIX.test(name) ? name : `${name}.service`;
  const respectStop = raw.flag('respect_stop') ?? true;
  // RDO calls the unit of nova-compute openstack-nova-compute.
  const reportAs = raw.text('report_as') ?? unit.replace(/\.service$/, '').replace(/^openstack-/, '');
  if (uid !== 0) raw.fault('systemd_unit', `can be restarted by root only, and this monitor runs as user ${uid}`);
  return { kind: 'unit', key: `unit ${unit}`, reportAs, unit, whenStopped: respectStop ? 'leave' : 'restart' };
}
