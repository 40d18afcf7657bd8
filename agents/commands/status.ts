/** `recovery-agent status`: the active engine and the open recoveries, also when no engine runs. */
import { printable } from '#protocol/printable.ts';
import type { PauseView, StatusView } from '#protocol/views.ts';
import { type Command, ENGINE_OPTIONS, JSON_OPTION } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { coloured, messageOf, print, printJson, shortTime, table } from '../output/output.ts';
import { readRecords } from '../records.ts';

function engineLine({ source, engine, taking_over, written_at }: StatusView): string {
  if (taking_over !== null) return `Engine:   taking over: ${printable(taking_over)}`;
  if (!engine) return 'Engine:   none has run yet';
  const who = `${printable(engine.node)}, pid ${engine.pid}, epoch ${engine.epoch}`;
  if (source === 'engine') return `Engine:   running on ${who}, since ${shortTime(engine.since)}`;
  if (engine.state === 'released') return `Engine:   none runs; the last one stopped on ${who}`;
  const seen = source === 'journal' ? engine.beat_at : written_at;
  return `Engine:   cannot be reached from here; last lease renewal by ${who} at ${shortTime(seen)}`;
}

function pauseLine({ paused_by, reason, paused_at, seconds_left }: PauseView): string {
  const why = reason === null ? '' : `: ${printable(reason)}`;
  const end = seconds_left === null ? '' : `, for ${Math.ceil(seconds_left / 60)} min more`;
  return `${coloured('paused')}: no recovery starts${end}; by ${printable(paused_by)} since ${shortTime(paused_at)}${why}`;
}

function describe(status: StatusView): string {
  const counts = Object.entries(status.counts).map(([state, count]) => `${count} ${coloured(state)}`);
  const lines = [
    engineLine(status),
    ...(status.cloud ? [`Cloud:    ${printable(status.cloud)}`] : []),
    `Journal:  ${printable(status.journal)}${status.source === 'engine' ? '' : ` (this comes from ${status.source})`}`,
    `Notifications: ${counts.length > 0 ? counts.join(', ') : 'none'}`,
  ];
  if (status.pause !== null) lines.push(pauseLine(status.pause));
  // An engine of an earlier version has none.
  for (const { host, set_by, reason, set_at } of status.maintenance ?? []) {
    const why = reason === null ? '' : `: ${printable(reason)}`;
    lines.push(`maintenance: ${printable(host)}, by ${printable(set_by)} since ${shortTime(set_at)}${why}`);
  }
  for (const { host, monitor, reason, since } of status.blind_monitors) {
    lines.push(
      `${coloured('blind')}: the ${monitor} monitor of ${printable(host)} since ${shortTime(since)}: ${printable(reason)}`,
    );
  }
  if (status.open.length > 0) {
    const rows = status.open.map((row) => [
      row.notification_uuid,
      row.type,
      row.hostname,
      { state: row.status },
      row.instances ? `${row.instances.moved}/${row.instances.total}` : null,
      shortTime(row.accepted_at),
      messageOf(row),
    ]);
    lines.push('', table(['Notification', 'Type', 'Host', 'Status', 'Instances', 'Accepted', 'Message'], rows));
  }
  return lines.join('\n');
}

export const status: Command = {
  name: 'status',
  summary: 'Shows the engine and the open recoveries; exit code 3 if no engine responds',
  positionals: '',
  options: {
    journal: {
      type: 'string',
      value: 'PATH',
      help: 'the journal to read if no engine responds (default: [journal] path)',
    },
    ...JSON_OPTION,
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 0,
  async run(line) {
    const view = await (await readRecords(line)).status();
    if (line.has('json')) printJson(view);
    else print(describe(view));
    return view.source === 'engine' ? EXIT.ok : EXIT.noEngine;
  },
};
