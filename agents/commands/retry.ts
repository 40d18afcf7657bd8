/** `recovery-agent retry UUID`: takes a recovery up again by an operator's word. */
import type { NotificationView } from '#protocol/views.ts';
import { type Command, type CommandLine, JSON_OPTION, requiredUuid, SOCKET_OPTION } from '../command.ts';
import { socketOf } from '../configuration.ts';
import { withEngine } from '../engine-client.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { coloured, print, printJson } from '../output.ts';
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
  summary: 'Takes up again a recovery that failed, or a notification that was ignored',
  positionals: 'UUID',
  options: {
    'host-is-down': { type: 'boolean', help: 'I say that the host is down: stands in for host_status NORMAL' },
    done: { type: 'string', value: 'TASKS', help: 'I say that these tasks, which are in doubt, were done' },
    'not-done': { type: 'string', value: 'TASKS', help: 'I say that these tasks, which are in doubt, were not done' },
    instance: { type: 'string', value: 'UUID', help: 'The instance that --abandon-evacuation is about' },
    'abandon-evacuation': {
      type: 'boolean',
      help: 'Nova never ends the evacuation of the instance, and it runs nowhere: another may be requested',
    },
    wait: { type: 'boolean', help: WAIT_HELP },
    ...JSON_OPTION,
    ...SOCKET_OPTION,
  },
  maxPositionals: 1,
  async run(line) {
    const uuid = requiredUuid(line);
    const socket = socketOf(line);
    const proof = line.has('host-is-down') ? 'operator' : 'none';
    const verdicts = { done: names(line.text('done')), not_done: names(line.text('not-done')) };
    const asked = { uuid, proof, ...verdicts, ...abandonedIn(line) };
    const view = (await withEngine(socket, (client) => client.call('retry', asked))) as NotificationView;
    if (line.has('wait')) return waitFor(socket, uuid, line.has('json') ? 'json' : 'text');
    if (line.has('json')) printJson(view);
    else print(`Recovery ${uuid} is ${coloured(view.status)}.`);
    return EXIT.ok;
  },
};
