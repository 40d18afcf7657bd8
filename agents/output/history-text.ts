/** The history of a recovery, its recovery times and a replay as text for people. Texts from outside are printed without control characters. */
import type { ReplayedGates } from '#engine/gates/replay.ts';
import { NO_REASON } from '#protocol/origin.ts';
import { printable } from '#protocol/printable.ts';
import type { AuditView, DecisionView, HistoryEntryView, RecoveryTimeView, WhyView } from '#protocol/views.ts';
import { whoOf } from './audit-table.ts';
import { coloured, shorten } from './output.ts';

/** Longer values are cut: `--json` has them whole. */
const LONGEST_VALUE = 200;
const INDENT = ' '.repeat(6);

export function describeHistory({ notification, history, recovery_times }: WhyView): string {
  const { notification_uuid, type, hostname, status, parked_reason } = notification;
  const waits = parked_reason === null ? '' : `, parked: ${printable(parked_reason)}`;
  const head = `Recovery ${notification_uuid} (${type}, host '${printable(hostname)}') is ${coloured(status)}${waits}`;
  const entries = history.map(describeEntry);
  const times = describeTimes(recovery_times);
  return [head, entries.join('\n'), times].filter((part) => part !== '').join('\n\n');
}

/** `2026-11-21 08:05:44.120`. */
function timeOf(iso: string): string {
  return iso.replace('T', ' ').replace('Z', '');
}

function describeEntry(entry: HistoryEntryView): string {
  const lines = entry.entry === 'audit' ? auditLines(entry) : decisionLines(entry);
  const [title = '', ...details] = lines;
  const head = `${timeOf(entry.time)}  [engine ${entry.epoch}]  ${printable(title)}`;
  return [head, ...details.map((detail) => `${INDENT}${printable(detail)}`)].join('\n');
}

function auditLines(entry: AuditView): string[] {
  const { action, kind, outcome, message, overridden, reason, times } = entry;
  const again = times > 1 ? ` ${times}×` : '';
  const title =
    kind === 'report' ? `report ${outcome} from ${whoOf(entry)}` : `${action} ${outcome}${again} by ${whoOf(entry)}`;
  const stated = overridden.length === 0 ? '' : `overrides: ${overridden.join(', ')}`;
  const why = reason ?? (overridden.length > 0 ? NO_REASON : '');
  return [
    message === null ? title : `${title}: ${message}`,
    ...[stated, why === '' ? '' : `reason: ${why}`].filter((line) => line !== ''),
  ];
}

/** By kind and outcome; `RULE` is replaced. Others are named by both. */
const TITLES: Readonly<Record<string, string>> = {
  'acceptance accepted': 'accepted: a failure to recover',
  'acceptance finished': 'accepted: no action is needed',
  'acceptance ignored': 'ignored',
  'acceptance duplicate': 'duplicate with a stronger proof',
  'gate hold': 'held by gate RULE',
  'gate pass': 'no gate holds it',
  'queue hold': 'parked (RULE)',
  'queue pass': 'no longer parked (RULE)',
  'queue ignored': 'superseded (RULE)',
  'crash_back_off hold': 'delayed (RULE)',
  'crash_back_off pass': 'no longer delayed (RULE)',
  'crash_back_off failed': 'not started any more (RULE)',
  'return pass': 'released: its host came back',
  'method run': 'flow starts (method RULE)',
  'life dead': 'its host counts as dead (RULE)',
  'engine_failure resume': 'flow is resumed (RULE)',
  'engine_failure rollback': 'flow is rolled back (RULE)',
  'engine_failure restart': 'flow is restarted (RULE)',
  'engine_failure dead_letter': 'flow is not resumed any more (RULE)',
};

function titleOf({ kind, outcome, rule, times }: DecisionView): string {
  const known = Object.hasOwn(TITLES, `${kind} ${outcome}`) ? TITLES[`${kind} ${outcome}`] : undefined;
  const title = known ?? `${kind.replaceAll('_', ' ')}: ${outcome.replaceAll('_', ' ')} (RULE)`;
  const named = rule === null ? title.replace(' (RULE)', '') : title.replace('RULE', () => rule);
  return times > 1 ? `${named}, ${times} times` : named;
}

function decisionLines(decision: DecisionView): string[] {
  const { reason, facts, limits } = decision;
  const [given, limiting] = [valuesOf(facts), valuesOf(limits)];
  return [
    titleOf(decision),
    ...(reason === null ? [] : [reason]),
    ...(given === '' ? [] : [`facts: ${given}`]),
    ...(limiting === '' ? [] : [`limits: ${limiting}`]),
  ];
}

/** `cloud.failed=3 cloud.all=5`; what is null or empty is left out. */
function valuesOf(values: Readonly<Record<string, unknown>>, prefix = ''): string {
  return Object.entries(values)
    .map(([name, value]) => {
      if (value === null || (Array.isArray(value) && value.length === 0)) return '';
      if (typeof value === 'object' && !Array.isArray(value)) {
        return valuesOf(value as Readonly<Record<string, unknown>>, `${prefix}${name}.`);
      }
      return `${prefix}${plainValue(name, value)}`;
    })
    .filter((text) => text !== '')
    .join(' ');
}

function plainValue(name: string, value: unknown): string {
  if (typeof value === 'number' && name.endsWith('_ms')) return `${name.slice(0, -'_ms'.length)}="${value / 1_000} s"`;
  const isPlain = typeof value === 'string' && /^[^\s="]+$/.test(value);
  return `${name}=${shorten(isPlain ? value : JSON.stringify(value), LONGEST_VALUE)}`;
}

/** A line for each instance whose recovery is confirmed; empty: there is none. */
export function describeTimes(times: readonly RecoveryTimeView[]): string {
  return times
    .flatMap(({ instance_uuid, detected_at, decided_at, called_at, confirmed_at, seconds }) => {
      if (seconds === null) return [];
      const since = (at: string | null): string =>
        at === null ? '-' : offset(Date.parse(at) - Date.parse(detected_at));
      const course = [
        `detected ${offset(0)}`,
        `decided ${since(decided_at)}`,
        `called ${since(called_at)}`,
        `confirmed ${since(confirmed_at)}`,
      ];
      return `Instance ${printable(instance_uuid)}: recovered in ${seconds.toFixed(1)} s (${course.join(', ')})`;
    })
    .join('\n');
}

/** Seconds after the detection; clocks of two nodes may make it negative. */
function offset(ms: number): string {
  const seconds = (ms / 1_000).toFixed(1);
  return seconds.startsWith('-') ? seconds : `+${seconds}`;
}

export function describeReplay(replayed: readonly ReplayedGates[]): string {
  const lines = replayed.map(({ time, recorded, now, isChanged }) => {
    const head = `${timeOf(time)}  then ${resultOf(recorded)}, now ${resultOf(now)}`;
    return [isChanged ? `${head}  CHANGED` : head, ...(isChanged && now.reason ? [`${INDENT}${now.reason}`] : [])];
  });
  const changed = replayed.filter(({ isChanged }) => isChanged).length;
  const total = `${changed} of ${replayed.length} gate decisions change`;
  return printableAll([...lines.flat(), total]);
}

function printableAll(lines: readonly string[]): string {
  return lines.map(printable).join('\n');
}

function resultOf({ outcome, gate }: { readonly outcome: string; readonly gate: string | null }): string {
  return gate === null ? outcome : `${outcome} (${gate})`;
}
