/** First file of the program in a checkout. */
import { isAlertCall } from '#ocf/invocation.ts';
import { WITNESS_COMMAND } from '#ocf/lease-witness.ts';
import type { Command } from './command.ts';
import { type CommandName, runProgram } from './program.ts';

const LOADERS: Readonly<Record<CommandName, () => Promise<Command>>> = {
  engine: async () => (await import('./commands/engine.ts')).engine,
  notify: async () => (await import('./commands/notify.ts')).notify,
  list: async () => (await import('./commands/list.ts')).list,
  status: async () => (await import('./commands/status.ts')).status,
  show: async () => (await import('./commands/show.ts')).show,
  retry: async () => (await import('./commands/retry.ts')).retry,
  rollback: async () => (await import('./commands/rollback.ts')).rollback,
  restart: async () => (await import('./commands/restart.ts')).restart,
  host: async () => (await import('./commands/host.ts')).host,
  validate: async () => (await import('./commands/validate.ts')).validate,
  simulate: async () => (await import('./commands/simulate.ts')).simulate,
  monitor: async () => (await import('./commands/monitor.ts')).monitor,
  keygen: async () => (await import('./commands/keygen.ts')).keygen,
};

const argv = process.argv.slice(2);
if (isAlertCall(argv, process.env)) await (await import('#monitors/host/pacemaker/alert.ts')).runAlert(process.env);
else if (argv[0] === WITNESS_COMMAND) (await import('./lease-witness.ts')).printLease(argv.slice(1));
else await runProgram(argv, (name) => LOADERS[name]());
