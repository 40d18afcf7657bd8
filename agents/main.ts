/** First file of the program in a checkout. */
import { isAlertCall } from '#ocf/invocation.ts';
import { WITNESS_COMMAND } from '#ocf/lease-witness.ts';
import { loadCommand } from './load-command.ts';
import { runProgram } from './program.ts';

const argv = process.argv.slice(2);
if (isAlertCall(argv, process.env))
  await (await import('#monitors/host/sources/pacemaker/alert.ts')).runAlert(process.env);
else if (argv[0] === WITNESS_COMMAND) (await import('./lease-witness.ts')).printLease(argv.slice(1));
else await runProgram(argv, loadCommand);
