/** `recovery-agent show UUID`: everything about one notification: its progress, its instances. */
import type { FlowView, RecoveryView } from '#protocol/views.ts';
import { type Command, JSON_OPTION, requiredUuid, SOCKET_OPTION } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { coloured, print, printJson, shortTime, table } from '../output.ts';
import { printable } from '../printable.ts';
import { readRecords } from '../records.ts';

/** Lists of UUIDs make lines of kilobytes; `--json` has them whole. */
const LONGEST_MESSAGE = 110;

function shorten(message: string): string {
  return message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE - 1)}…` : message;
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

/** Of an instance that several flows touched, the last one counts. */
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

export function describeRecovery({ notification, flows }: RecoveryView): string {
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
    Generated: shortTime(notification.generated_time),
    Accepted: shortTime(notification.accepted_at),
    Closed: shortTime(notification.closed_at),
    'Next try': shortTime(notification.retry_at),
    Flows: flows
      .map(({ name, state, resumes }) => `${name} ${state}${resumes ? ` (resumed ${resumes}×)` : ''}`)
      .join(', '),
  }).filter(([, value]) => value !== null && value !== '');
  const head = facts.map(([name, value]) => `${`${name}:`.padEnd(14)} ${value}`).join('\n');
  const instances = instanceTable(flows);
  return [head, flows.length > 0 ? progressTable(flows) : undefined, instances]
    .filter((part) => part !== undefined)
    .join('\n\n');
}

export const show: Command = {
  name: 'show',
  summary: 'Shows one notification: its progress, and what became of each instance',
  positionals: 'UUID',
  options: { ...JSON_OPTION, ...SOCKET_OPTION },
  maxPositionals: 1,
  async run(line) {
    const recovery = await (await readRecords(line)).show(requiredUuid(line));
    if (line.has('json')) printJson(recovery);
    else print(describeRecovery(recovery));
    return EXIT.ok;
  },
};
