/** `recovery-agent pause`: lets no recovery start, for planned work or while a large failure is examined. */
import { type Command, ENGINE_OPTIONS, REASON_OPTION, reasonIn } from '../command.ts';
import { engineAddressOf } from '../engine-address.ts';
import { withEngine } from '../engine-client.ts';
import { EXIT } from '../exit-codes.ts';
import { print } from '../output/output.ts';
import { readDuration } from '../since.ts';

export const pause: Command = {
  name: 'pause',
  summary: 'Lets no recovery start; reports are accepted and wait, running recoveries finish',
  positionals: '',
  options: {
    for: {
      type: 'string',
      value: 'DURATION',
      help: 'ends the pause by itself: 90s, 15m, 2h, 7d; counted while an engine runs',
    },
    ...REASON_OPTION,
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 0,
  async run(line) {
    const length = line.text('for');
    const seconds = length === undefined ? null : readDuration('for', length);
    await withEngine(engineAddressOf(line), (client) => client.call('pause', { seconds, ...reasonIn(line) }));
    print(`No recovery starts ${length === undefined ? 'until "recovery-agent unpause"' : `for ${length}`}.`);
    return EXIT.ok;
  },
};
