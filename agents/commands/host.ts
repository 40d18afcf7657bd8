/** `recovery-agent host NAME`: marks a host as reserved again after it was used, or as in maintenance. */
import { type Command, ENGINE_OPTIONS, REASON_OPTION, reasonIn, requiredPositional } from '../command.ts';
import { engineAddressOf } from '../engine-address.ts';
import { withEngine } from '../engine-client.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { print } from '../output/output.ts';

const YES_OR_NO = ['yes', 'no'] as const;

export const host: Command = {
  name: 'host',
  summary:
    'Marks a host as reserved or in maintenance, or ends that; a reserved host that was used must be marked again',
  positionals: 'NAME',
  options: {
    reserved: { type: 'string', value: 'yes|no', values: [...YES_OR_NO], help: 'whether the host is reserved' },
    maintenance: {
      type: 'string',
      value: 'yes|no',
      values: [...YES_OR_NO],
      help: 'whether you work on the host: its failure is held until the end',
    },
    ...REASON_OPTION,
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 1,
  async run(line) {
    const name = requiredPositional(line, 'the name of a host');
    const [reserved, maintenance] = [line.text('reserved'), line.text('maintenance')];
    if ((reserved === undefined) === (maintenance === undefined)) {
      throw new CommandFailure(EXIT.usage, 'give one of --reserved and --maintenance, with yes or no');
    }
    const given = reserved ?? maintenance;
    const option = reserved === undefined ? '--maintenance' : '--reserved';
    if (given !== 'yes' && given !== 'no') throw new CommandFailure(EXIT.usage, `${option} must be yes or no`);
    const request =
      reserved === undefined
        ? { method: 'maintenance', params: { name, state: given === 'yes' ? 'on' : 'off', ...reasonIn(line) } }
        : { method: 'host', params: { name, reserved: given === 'yes' ? 1 : 0, ...reasonIn(line) } };
    await withEngine(engineAddressOf(line), (client) => client.call(request.method, request.params));
    const state = reserved === undefined ? 'in maintenance' : 'reserved';
    print(`Host '${name}' is ${given === 'yes' ? '' : 'not '}${state}.`);
    return EXIT.ok;
  },
};
