/** `recovery-agent priority UUID NUMBER`: lets a waiting recovery start before others. */
import type { NotificationView } from '#protocol/views.ts';
import { type Command, ENGINE_OPTIONS, JSON_OPTION, REASON_OPTION, reasonIn, requiredUuid } from '../command.ts';
import { engineAddressOf } from '../engine-address.ts';
import { withEngine } from '../engine-client.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { print, printJson } from '../output/output.ts';

export const priority: Command = {
  name: 'priority',
  summary: 'Lets a waiting recovery start before those with a smaller number; every recovery begins with 0',
  positionals: 'UUID NUMBER',
  options: { ...REASON_OPTION, ...JSON_OPTION, ...ENGINE_OPTIONS },
  maxPositionals: 2,
  async run(line) {
    const uuid = requiredUuid(line);
    const text = line.positionals[1] ?? '';
    if (!/^-?\d{1,4}$/.test(text)) {
      throw new CommandFailure(EXIT.usage, 'give a whole number from -9999 to 9999 after the UUID');
    }
    const requested = { uuid, priority: Number(text), ...reasonIn(line) };
    const call = withEngine(engineAddressOf(line), (client) => client.call('priority', requested));
    const view = (await call) as NotificationView;
    if (line.has('json')) printJson(view);
    else print(`Recovery ${uuid} has priority ${requested.priority}.`);
    return EXIT.ok;
  },
};
