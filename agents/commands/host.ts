/** `recovery-agent host NAME --reserved yes|no`: marks a host as reserved again after it was used. */
import { type Command, ENGINE_OPTIONS, REASON_OPTION, reasonIn, requiredPositional } from '../command.ts';
import { engineAddressOf } from '../engine-address.ts';
import { withEngine } from '../engine-client.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { print } from '../output/output.ts';

export const host: Command = {
  name: 'host',
  summary: 'Marks a host as reserved or not; a host that a recovery has used is not reserved until it is marked again',
  positionals: 'NAME',
  options: {
    reserved: { type: 'string', value: 'yes|no', values: ['yes', 'no'], help: 'whether the host is reserved' },
    ...REASON_OPTION,
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 1,
  async run(line) {
    const name = requiredPositional(line, 'the name of a host');
    const reserved = line.text('reserved');
    if (reserved !== 'yes' && reserved !== 'no') throw new CommandFailure(EXIT.usage, '--reserved must be yes or no');
    const requested = { name, reserved: reserved === 'yes' ? 1 : 0, ...reasonIn(line) };
    await withEngine(engineAddressOf(line), (client) => client.call('host', requested));
    print(`Host '${name}' is ${reserved === 'yes' ? 'reserved' : 'not reserved'}.`);
    return EXIT.ok;
  },
};
