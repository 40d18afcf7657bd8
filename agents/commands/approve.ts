/** `recovery-agent approve UUID`: starts a recovery that a gate holds. */
import type { NotificationView } from '#protocol/views.ts';
import { type Command, ENGINE_OPTIONS, JSON_OPTION, REASON_OPTION, reasonIn, requiredUuid } from '../command.ts';
import { engineAddressOf } from '../engine-address.ts';
import { withEngine } from '../engine-client.ts';
import { EXIT } from '../exit-codes.ts';
import { print, printJson } from '../output/output.ts';

export const approve: Command = {
  name: 'approve',
  summary: 'Starts a recovery although a gate holds it; a pause still holds it',
  positionals: 'UUID',
  options: {
    'host-is-down': {
      type: 'boolean',
      help: 'you know that the host is dead: the recovery needs no other proof',
    },
    ...REASON_OPTION,
    ...JSON_OPTION,
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 1,
  async run(line) {
    const uuid = requiredUuid(line);
    const proof = line.has('host-is-down') ? 'operator' : 'none';
    const requested = { uuid, proof, ...reasonIn(line) };
    const call = withEngine(engineAddressOf(line), (client) => client.call('approve', requested));
    const view = (await call) as NotificationView;
    if (line.has('json')) printJson(view);
    else print(`Recovery ${uuid} is approved.`);
    return EXIT.ok;
  },
};
