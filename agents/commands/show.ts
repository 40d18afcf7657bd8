/** `recovery-agent show UUID`: everything about one notification: its tasks, its progress, its instances. */
import { printable } from '#protocol/printable.ts';
import type { FlowView, RecoveryView, TaskView } from '#protocol/views.ts';
import { type Command, ENGINE_OPTIONS, JSON_OPTION, requiredUuid } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { auditTable } from '../output/audit-table.ts';
import { describeTimes } from '../output/history-text.ts';
import { CUT, coloured, print, printJson, shorten, shortTime, table } from '../output/output.ts';
import { readRecords } from '../records.ts';

const LONGEST_OUTPUTS = 60;

const NO_UNDO = 'REVERTED, no undo';
const ABOUT_NO_UNDO = `${NO_UNDO}: the rollback of the flow passed this task; it has no undo, and its effect stays.`;

function stateOf({ state, skipped, undo }: TaskView): string {
  if (skipped) return 'skipped';
  return state === 'REVERTED' && !undo ? NO_UNDO : state;
}

function secondsOf({ start_time, end_time }: TaskView): string | null {
  if (start_time === null || end_time === null) return null;
  return `${Math.round((Date.parse(end_time) - Date.parse(start_time)) / 100) / 10} s`;
}

/** A long list is replaced by its length. */
function shortValue(value: unknown): string {
  const json = JSON.stringify(value);
  return Array.isArray(value) && json.length > LONGEST_OUTPUTS ? `(${value.length} items)` : json;
}

function outputsOf({ outputs, outputs_left_out }: TaskView): string | null {
  const given = Object.entries(outputs ?? {}).map(([name, value]) => `${name}=${shortValue(value)}`);
  const all = [...given, ...outputs_left_out.map((name) => `${name}=(long)`)];
  return all.length === 0 ? null : shorten(all.join(' '), LONGEST_OUTPUTS);
}

function taskTable({ tasks }: FlowView): string {
  const rows = tasks.map((task) => [
    task.phase,
    task.name,
    { state: stateOf(task) },
    task.tries,
    shortTime(task.start_time),
    secondsOf(task),
    outputsOf(task),
    task.error === null ? null : shorten(task.error),
  ]);
  return table(['Phase', 'Task', 'State', 'Tries', 'Start', 'Duration', 'Outputs', 'Error'], rows);
}

/** The tasks of each flow; with its number and request where there are several. */
function taskTables(flows: readonly FlowView[]): string[] {
  return flows.map((flow, index) => {
    const head =
      flows.length > 1 ? `Flow ${index + 1}, ${flow.name}, ${flow.request_id}: ${coloured(flow.state)}\n` : '';
    return `${head}${taskTable(flow)}`;
  });
}

function progressTable(flows: readonly FlowView[]): string {
  const rows = flows.flatMap(({ events }) =>
    events.map((event) => [
      event.request_id,
      event.action,
      event.time.replace('T', ' ').replace('Z', ''),
      shorten(event.message),
    ]),
  );
  return table(['Request ID', 'Action', 'Start Time', 'Message'], rows);
}

/** For an instance that several flows changed, the last flow counts. */
function instanceTable(flows: readonly FlowView[]): string | undefined {
  const last = new Map(flows.flatMap(({ instances }) => instances.map((one) => [one.instance_uuid, one])));
  if (last.size === 0) return undefined;
  const rows = [...last.values()].map((one) => [
    one.instance_uuid,
    one.name,
    one.from,
    one.to,
    { state: one.state },
    one.original_state,
    one.seconds === null ? null : `${one.seconds} s`,
    one.reason,
  ]);
  return table(['Instance', 'Name', 'From', 'To', 'State', 'Was', 'Duration', 'Reason'], rows);
}

/** An engine of an earlier version has none. */
function proofTable(proofs: RecoveryView['proofs'] | undefined): string | undefined {
  if (proofs === undefined || proofs.length === 0) return undefined;
  const rows = proofs.map(({ name, kind, state, detail, time }) => [
    name,
    kind,
    state,
    shortTime(time),
    shorten(printable(detail)),
  ]);
  return table(['Proof', 'Kind', 'Shows', 'Time', 'Detail'], rows);
}

export function describeRecovery({ notification, flows, audit, proofs, recovery_times }: RecoveryView): string {
  const facts = Object.entries({
    Notification: notification.notification_uuid,
    Type: notification.type,
    Host: notification.hostname,
    Payload: printable(
      Object.entries(notification.payload)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ),
    Status: coloured(notification.status),
    Message: notification.message === null ? null : printable(notification.message),
    Parked: notification.parked_reason === null ? null : printable(notification.parked_reason),
    Generated: shortTime(notification.generated_time),
    Accepted: shortTime(notification.accepted_at),
    Closed: shortTime(notification.closed_at),
    'Next retry': shortTime(notification.retry_at),
    Flows: flows
      .map(({ name, state, resumes }, index) => {
        const number = flows.length > 1 ? `${index + 1}: ` : '';
        return `${number}${name} ${state}${resumes ? ` (resumed ${resumes}×)` : ''}`;
      })
      .join(', '),
  }).filter(([, value]) => value !== null && value !== '');
  const head = facts.map(([name, value]) => `${`${name}:`.padEnd(14)} ${value}`).join('\n');
  // An engine of an earlier version has no recovery times.
  const times = describeTimes(recovery_times ?? []);
  const tables = [
    ...taskTables(flows),
    flows.length > 0 ? progressTable(flows) : undefined,
    instanceTable(flows),
    times === '' ? undefined : times,
    proofTable(proofs),
    // An engine of an earlier version has no audit.
    (audit ?? []).length > 0 ? auditTable(audit, 'one') : undefined,
  ]
    .filter((part) => part !== undefined)
    .join('\n\n');
  const notes = [
    tables.includes(NO_UNDO) ? ABOUT_NO_UNDO : undefined,
    tables.includes(CUT) ? `Text that ends in "${CUT}" is cut; --json has it whole.` : undefined,
  ].filter((note) => note !== undefined);
  return [head, tables, notes.join('\n')].filter((part) => part !== '').join('\n\n');
}

export const show: Command = {
  name: 'show',
  summary: 'Shows one notification: its tasks, its progress, and the result for each instance',
  positionals: 'UUID',
  options: { ...JSON_OPTION, ...ENGINE_OPTIONS },
  maxPositionals: 1,
  async run(line) {
    const recovery = await (await readRecords(line)).show(requiredUuid(line));
    if (line.has('json')) printJson(recovery);
    else print(describeRecovery(recovery));
    return EXIT.ok;
  },
};
