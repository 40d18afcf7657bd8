/** `recovery-agent notify`: reports a failure, as monitors do. */

import { createReadStream } from 'node:fs';
import { errorMessage } from '#protocol/error-message.ts';
import { InvalidNotification, MAX_NOTIFICATION_BYTES, parseNotification } from '#protocol/notification.ts';
import { printable } from '#protocol/printable.ts';
import { type Command, type CommandLine, ENGINE_OPTIONS, JSON_OPTION, REASON_OPTION, reasonIn } from '../command.ts';
import { engineAddressOf } from '../engine-address.ts';
import { withEngine } from '../engine-client.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { coloured, print, printJson } from '../output/output.ts';
import { WAIT_HELP, waitFor } from '../watching.ts';

const PAYLOAD_OPTIONS: Readonly<Record<string, string>> = {
  event: 'event',
  'cluster-status': 'cluster_status',
  'host-status': 'host_status',
  'process-name': 'process_name',
  'instance-uuid': 'instance_uuid',
  'vir-domain-event': 'vir_domain_event',
};
const NOTIFICATION_OPTIONS = ['type', 'hostname', 'generated-time', ...Object.keys(PAYLOAD_OPTIONS)];

/** Reads at most the size of the largest notification, for any kind of file. */
async function readBounded(path: string): Promise<Buffer> {
  const input = path === '-' ? process.stdin : createReadStream(path, { end: MAX_NOTIFICATION_BYTES });
  if (path === '-' && process.stdin.isTTY) process.stderr.write('A notification as JSON, then Ctrl-D:\n');
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of input as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    if (size > MAX_NOTIFICATION_BYTES) {
      throw new CommandFailure(
        EXIT.usage,
        `a notification has at most ${MAX_NOTIFICATION_BYTES} bytes, this one has more`,
      );
    }
  }
  return Buffer.concat(parts);
}

async function fromFile(path: string): Promise<unknown> {
  const called = path === '-' ? 'standard input' : path;
  let bytes: Buffer;
  try {
    bytes = await readBounded(path);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const reason = errorMessage(error);
    throw new CommandFailure(EXIT.usage, `${called} cannot be read: ${reason}`, error);
  }
  if (bytes.length === 0)
    throw new CommandFailure(EXIT.usage, `${called} is empty; a notification as JSON is expected`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new CommandFailure(EXIT.usage, `${called} is not JSON`);
  }
}

function fromOptions(line: CommandLine): unknown {
  const payload = Object.fromEntries(
    Object.entries(PAYLOAD_OPTIONS).flatMap(([option, key]) => {
      const value = line.text(option);
      return value === undefined ? [] : [[key, value]];
    }),
  );
  return {
    notification: {
      type: line.text('type') ?? 'COMPUTE_HOST',
      hostname: line.text('hostname'),
      generated_time: line.text('generated-time') ?? new Date().toISOString(),
      payload,
    },
  };
}

export const notify: Command = {
  name: 'notify',
  summary: 'Reports a failure to the engine; an acknowledged report is in the journal',
  positionals: '',
  options: {
    file: { type: 'string', short: 'f', value: 'FILE', help: "Masakari's body as JSON; - for standard input" },
    type: {
      type: 'string',
      value: 'TYPE',
      values: ['COMPUTE_HOST', 'PROCESS', 'VM'],
      help: 'COMPUTE_HOST (default), PROCESS or VM',
    },
    hostname: { type: 'string', value: 'HOST', help: 'the host of the failure' },
    'generated-time': { type: 'string', value: 'TIME', help: 'time of detection, ISO 8601, UTC (default: now)' },
    event: {
      type: 'string',
      value: 'EVENT',
      values: ['STARTED', 'STOPPED'],
      help: 'STARTED or STOPPED; for VM the libvirt event, e.g. LIFECYCLE',
    },
    'cluster-status': { type: 'string', value: 'STATUS', values: ['ONLINE', 'OFFLINE'], help: 'ONLINE or OFFLINE' },
    'host-status': {
      type: 'string',
      value: 'STATUS',
      values: ['NORMAL', 'UNKNOWN'],
      help: 'NORMAL (proven down) or UNKNOWN',
    },
    'process-name': { type: 'string', value: 'NAME', help: 'for PROCESS, e.g. nova-compute' },
    'instance-uuid': { type: 'string', value: 'UUID', help: 'for VM' },
    'vir-domain-event': { type: 'string', value: 'EVENT', help: 'for VM, e.g. STOPPED_FAILED' },
    ...REASON_OPTION,
    wait: { type: 'boolean', help: WAIT_HELP },
    ...JSON_OPTION,
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 0,
  async run(line) {
    const file = line.text('file');
    const given = NOTIFICATION_OPTIONS.find((option) => line.text(option) !== undefined);
    if (file !== undefined && given) {
      throw new CommandFailure(EXIT.usage, `--file holds the whole notification; leave out --${given}`);
    }
    const reason = reasonIn(line);
    const body = file === undefined ? fromOptions(line) : await fromFile(file);
    try {
      parseNotification(body);
    } catch (error) {
      if (error instanceof InvalidNotification) throw new CommandFailure(EXIT.usage, error.message);
      throw error;
    }
    const engine = engineAddressOf(line);
    const answer = (await withEngine(engine, (client) =>
      client.call('notify', { ...(body as object), ...reason }),
    )) as {
      notification_uuid: string;
      status: string;
      message: string | null;
      duplicate: boolean;
    };
    if (line.has('wait')) return waitFor(engine, answer.notification_uuid, line.has('json') ? 'json' : 'text');
    if (line.has('json')) printJson(answer);
    else if (answer.duplicate) print(`Duplicate of ${answer.notification_uuid}, which is ${coloured(answer.status)}.`);
    else
      print(
        `${answer.notification_uuid} ${coloured(answer.status)}${answer.message ? `: ${printable(answer.message)}` : ''}`,
      );
    return EXIT.ok;
  },
};
