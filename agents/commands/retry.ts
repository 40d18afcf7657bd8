/** `recovery-agent retry UUID`: retries a recovery by operator command. */
import type { NotificationView } from '#protocol/views.ts';
import {
  type Command,
  type CommandLine,
  ENGINE_OPTIONS,
  JSON_OPTION,
  REASON_OPTION,
  reasonIn,
  requiredUuid,
} from '../command.ts';
import { engineAddressOf } from '../engine-address.ts';
import { withEngine } from '../engine-client.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { coloured, print, printJson } from '../output/output.ts';
import { WAIT_HELP, waitFor } from '../watching.ts';

/** Names of tasks, separated by commas. */
function names(text = ''): string[] {
  return text.split(/[\s,]+/).filter((name) => name !== '');
}

function abandonedIn(line: CommandLine): { readonly abandoned?: string } {
  const instance = line.text('instance');
  const isAbandoned = line.has('abandon-evacuation');
  if (isAbandoned !== (instance !== undefined)) {
    throw new CommandFailure(EXIT.usage, 'retry: --instance UUID and --abandon-evacuation belong together');
  }
  return instance === undefined ? {} : { abandoned: instance };
}

export const retry: Command = {
  name: 'retry',
  summary: 'Retries a recovery that failed, or a notification that was ignored',
  positionals: 'UUID',
  options: {
    'host-is-down': { type: 'boolean', help: 'I confirm that the host is down; replaces host_status NORMAL' },
    done: { type: 'string', value: 'TASKS', help: 'I confirm that these tasks, which are in doubt, were done' },
    'not-done': {
      type: 'string',
      value: 'TASKS',
      help: 'I confirm that these tasks, which are in doubt, were not done',
    },
    instance: { type: 'string', value: 'UUID', help: 'The instance for --abandon-evacuation' },
    'abandon-evacuation': {
      type: 'boolean',
      help: 'Nova never ends the evacuation of the instance, and it runs nowhere: another may be requested',
    },
    ...REASON_OPTION,
    wait: { type: 'boolean', help: WAIT_HELP },
    ...JSON_OPTION,
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 1,
  async run(line) {
    const uuid = requiredUuid(line);
    const engine = engineAddressOf(line);
    const proof = line.has('host-is-down') ? 'operator' : 'none';
    const decisions = { done: names(line.text('done')), not_done: names(line.text('not-done')) };
    const requested = { uuid, proof, ...decisions, ...abandonedIn(line), ...reasonIn(line) };
    const view = (await withEngine(engine, (client) => client.call('retry', requested))) as NotificationView;
    if (line.has('wait')) return waitFor(engine, uuid, line.has('json') ? 'json' : 'text');
    if (line.has('json')) printJson(view);
    else print(`Recovery ${uuid} is ${coloured(view.status)}.`);
    return EXIT.ok;
  },
};
