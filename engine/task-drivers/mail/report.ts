/**
 * The default text of a mail: the event, and a table of instances with the outcome of each. Pure.
 *
 * Owners receive data of their own instances only, and no data of hosts or internal messages of the cloud: those are for operators.
 */
import type { Value } from '#config/expressions/expression.ts';
import { printableLines } from '#protocol/printable.ts';
import type { Values } from '../../flow/plan.ts';
import { oneLine } from './address.ts';

export type Reader = 'owner' | 'operator';

/** A mail is cut at this many characters, so that no server refuses it for its size. */
const MAX_TEXT = 256 * 1024;
const CUT = '\n[cut here]\n';
const MAX_CELL = 60;

export interface Affected {
  readonly uuid: string;
  readonly name: string;
  readonly userId: string;
  readonly projectId: string;
}

function objects(value: Value | undefined): readonly Values[] {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (item: Value): item is Values => item !== null && typeof item === 'object' && !Array.isArray(item),
  );
}

function wordOf(item: Values | undefined, field: string): string {
  const value = item?.[field];
  return typeof value === 'string' ? value : '';
}

/** The instances that earlier tasks listed; undefined if there are none. */
export function affectedIn({
  instances,
  recovered_instances,
  failed_instances,
}: Values): readonly Affected[] | undefined {
  if (![instances, recovered_instances, failed_instances].some(Array.isArray)) return undefined;
  const items = Array.isArray(instances)
    ? objects(instances)
    : [...objects(recovered_instances), ...objects(failed_instances)];
  return items.map((item) => ({
    uuid: wordOf(item, 'uuid'),
    name: wordOf(item, 'name'),
    userId: wordOf(item, 'user_id'),
    projectId: wordOf(item, 'project_id'),
  }));
}

/** @param text of the definition; empty: a default text. @param of the instances in the table, none without */
export function textOf(text: string, inputs: Values, reader: Reader, of: readonly Affected[] | undefined): string {
  const table = of === undefined || of.length === 0 ? '' : tableOf(of, inputs, reader);
  if (text !== '') return bounded(reader === 'owner' ? `${text.trimEnd()}\n\n${table}` : `${text}\n`);
  const parts = reader === 'owner' ? [ownersIntroduction(inputs)] : [operatorsIntroduction(inputs)];
  if (table !== '') parts.push(table);
  parts.push(`Recovery ${oneLine(wordOf(inputs, 'notification_uuid'), MAX_CELL)}\n`);
  return bounded(parts.join('\n'));
}

function ownersIntroduction(inputs: Values): string {
  return hasOutcome(inputs)
    ? 'The host of these instances of yours failed. Their state after the recovery is:\n'
    : 'The host of these instances of yours failed. They are being recovered:\n';
}

function operatorsIntroduction(inputs: Values): string {
  const lines = Object.entries(inputs).flatMap(([name, value]) =>
    typeof value === 'string' && name !== 'notification_uuid' ? [`${name}: ${oneLine(value, 200)}`] : [],
  );
  return `Recovery of a failure.\n\n${lines.join('\n')}\n`;
}

function hasOutcome(inputs: Values): boolean {
  return Array.isArray(inputs.recovered_instances) || Array.isArray(inputs.failed_instances);
}

function tableOf(of: readonly Affected[], inputs: Values, reader: Reader): string {
  const byUuid = (value: Value | undefined) => new Map(objects(value).map((item) => [wordOf(item, 'uuid'), item]));
  const recovered = byUuid(inputs.recovered_instances);
  const failed = byUuid(inputs.failed_instances);
  const rows = of.map(({ uuid, name }) => {
    const row = [name, uuid];
    if (!hasOutcome(inputs)) return row;
    const [moved, left] = [recovered.get(uuid), failed.get(uuid)];
    row.push(moved ? 'recovered' : left ? 'not recovered' : 'unknown');
    if (reader === 'operator') row.push(moved ? `now on ${wordOf(moved, 'new_host')}` : wordOf(left, 'reason'));
    return row;
  });
  const head = ['NAME', 'UUID', ...(hasOutcome(inputs) ? ['STATE'] : [])];
  return columns([head, ...rows.map((row) => row.map((cell) => oneLine(cell, MAX_CELL)))]);
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** Names of instances come from their owners, and values from any source. Tabs and line ends are the definition's. */
function bounded(raw: string): string {
  const text = raw.split('\t').map(printableLines).join('\t');
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).toWellFormed()}${CUT}` : text;
}
