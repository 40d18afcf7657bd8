/** `recovery-agent host NAME --reserved yes|no`: puts a host back among the reserved ones after it was used. */
import { type Command, requiredPositional, SOCKET_OPTION } from '../command.ts';
import { socketOf } from '../configuration.ts';
import { withEngine } from '../engine-client.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { print } from '../output.ts';

export const host: Command = {
  name: 'host',
  summary: 'Says whether a host is reserved; one that was used for a recovery is not, until this says so again',
  positionals: 'NAME',
  options: { reserved: { type: 'string', value: 'yes|no', help: 'whether the host is reserved' }, ...SOCKET_OPTION },
  maxPositionals: 1,
  async run(line) {
    const name = requiredPositional(line, 'the name of a host');
    const reserved = line.text('reserved');
    if (reserved !== 'yes' && reserved !== 'no') throw new CommandFailure(EXIT.usage, '--reserved must be yes or no');
    await withEngine(socketOf(line), (client) => client.call('host', { name, reserved: reserved === 'yes' ? 1 : 0 }));
    print(`Host '${name}' is ${reserved === 'yes' ? 'reserved' : 'not reserved'}.`);
    return EXIT.ok;
  },
};
