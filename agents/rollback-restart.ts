/** The commands that turn a recovery which is at work: `rollback` and `restart`. */
import type { NotificationView } from '#protocol/views.ts';
import { type Command, JSON_OPTION, requiredUuid, SOCKET_OPTION } from './command.ts';
import { socketOf } from './configuration.ts';
import { withEngine } from './engine-client.ts';
import { EXIT } from './exit-codes.ts';
import { print, printJson } from './output.ts';
import { WAIT_HELP, waitFor } from './watching.ts';

export function turning(way: 'rollback' | 'restart', summary: string, told: string): Command {
  return {
    name: way,
    summary,
    positionals: 'UUID',
    options: { wait: { type: 'boolean', help: WAIT_HELP }, ...JSON_OPTION, ...SOCKET_OPTION },
    maxPositionals: 1,
    async run(line) {
      const uuid = requiredUuid(line);
      const socket = socketOf(line);
      const view = (await withEngine(socket, (client) => client.call('turn', { uuid, way }))) as NotificationView;
      if (line.has('wait')) return waitFor(socket, uuid, line.has('json') ? 'json' : 'text');
      if (line.has('json')) printJson(view);
      else print(`Recovery ${uuid} ${told}.`);
      return EXIT.ok;
    },
  };
}
