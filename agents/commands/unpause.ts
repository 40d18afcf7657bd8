/** `recovery-agent unpause`: ends the pause of recoveries. */
import { type Command, ENGINE_OPTIONS, REASON_OPTION, reasonIn } from '../command.ts';
import { engineAddressOf } from '../engine-address.ts';
import { withEngine } from '../engine-client.ts';
import { EXIT } from '../exit-codes.ts';
import { print } from '../output/output.ts';

export const unpause: Command = {
  name: 'unpause',
  summary: 'Ends the pause of recoveries; those that waited start, if their failure still holds',
  positionals: '',
  options: { ...REASON_OPTION, ...ENGINE_OPTIONS },
  maxPositionals: 0,
  async run(line) {
    await withEngine(engineAddressOf(line), (client) => client.call('unpause', reasonIn(line)));
    print('Recoveries start again.');
    return EXIT.ok;
  },
};
