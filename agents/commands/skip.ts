/** `recovery-agent skip UUID INSTANCE`: leaves an instance on its failed host. */
import type { NotificationView } from '#protocol/views.ts';
import { type Command, ENGINE_OPTIONS, JSON_OPTION, REASON_OPTION, reasonIn, requiredUuid } from '../command.ts';
import { engineAddressOf } from '../engine-address.ts';
import { withEngine } from '../engine-client.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { print, printJson } from '../output/output.ts';

export const skip: Command = {
  name: 'skip',
  summary: 'Leaves an instance on its failed host, if its evacuation was not requested yet; the recovery continues',
  positionals: 'UUID INSTANCE',
  options: { ...REASON_OPTION, ...JSON_OPTION, ...ENGINE_OPTIONS },
  maxPositionals: 2,
  async run(line) {
    const uuid = requiredUuid(line);
    const instance = line.positionals[1];
    if (instance === undefined) throw new CommandFailure(EXIT.usage, 'the UUID of an instance is missing');
    const requested = { uuid, instance: instance.toLowerCase(), ...reasonIn(line) };
    const call = withEngine(engineAddressOf(line), (client) => client.call('skip', requested));
    const view = (await call) as NotificationView;
    if (line.has('json')) printJson(view);
    else print(`Recovery ${uuid} leaves instance ${requested.instance} where it is.`);
    return EXIT.ok;
  },
};
