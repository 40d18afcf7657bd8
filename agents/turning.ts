/** The commands that change the course of a recovery: `rollback`, `restart` and `cancel`. */
import type { Way } from '#engine/service/operator-commands.ts';
import type { NotificationView } from '#protocol/views.ts';
import { type Command, ENGINE_OPTIONS, JSON_OPTION, REASON_OPTION, reasonIn, requiredUuid } from './command.ts';
import { engineAddressOf } from './engine-address.ts';
import { withEngine } from './engine-client.ts';
import { EXIT } from './exit-codes.ts';
import { print, printJson } from './output/output.ts';
import { WAIT_HELP, waitFor } from './watching.ts';

export function turning(way: Way, summary: string, received: string): Command {
  return {
    name: way,
    summary,
    positionals: 'UUID',
    options: { ...REASON_OPTION, wait: { type: 'boolean', help: WAIT_HELP }, ...JSON_OPTION, ...ENGINE_OPTIONS },
    maxPositionals: 1,
    async run(line) {
      const uuid = requiredUuid(line);
      const engine = engineAddressOf(line);
      const requested = { uuid, way, ...reasonIn(line) };
      const view = (await withEngine(engine, (client) => client.call('turn', requested))) as NotificationView;
      if (line.has('wait')) return waitFor(engine, uuid, line.has('json') ? 'json' : 'text');
      if (line.has('json')) printJson(view);
      else print(`Recovery ${uuid} ${received}.`);
      return EXIT.ok;
    },
  };
}
