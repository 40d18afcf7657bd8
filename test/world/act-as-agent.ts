/** The resource agent in a process of its own, from the sources: one argument, the action. Its engines are those of the checkout. */
import { fileURLToPath } from 'node:url';
import { loadChecked } from '#agents/checked-configuration.ts';
import { runAgent } from '#ocf/agent.ts';
import { writeLine } from '#ocf/reason.ts';

const [action = ''] = process.argv.slice(2);
const main = fileURLToPath(new URL('../../agents/main.ts', import.meta.url));
process.exit(
  await runAgent({
    action,
    version: 'test',
    program: [process.execPath, '--disable-warning=ExperimentalWarning', main],
    environment: process.env,
    print: (text) => process.stdout.write(text),
    log: (message) => writeLine(`recovery-agent ${action}: ${message}`),
    checkConfiguration: (file) => {
      loadChecked(file);
    },
  }),
);
