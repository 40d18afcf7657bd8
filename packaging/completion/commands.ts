/** Every command of the program with its options, for what is written or checked about all of them. */
import type { Command } from '#agents/command.ts';
import { engine } from '#agents/commands/engine.ts';
import { host } from '#agents/commands/host.ts';
import { keygen } from '#agents/commands/keygen.ts';
import { list } from '#agents/commands/list.ts';
import { monitor } from '#agents/commands/monitor.ts';
import { notify } from '#agents/commands/notify.ts';
import { restart } from '#agents/commands/restart.ts';
import { retry } from '#agents/commands/retry.ts';
import { rollback } from '#agents/commands/rollback.ts';
import { show } from '#agents/commands/show.ts';
import { simulate } from '#agents/commands/simulate.ts';
import { status } from '#agents/commands/status.ts';
import { validate } from '#agents/commands/validate.ts';
import type { CommandName } from '#agents/program.ts';

export const COMMANDS: Readonly<Record<CommandName, Command>> = {
  engine,
  notify,
  list,
  status,
  show,
  retry,
  rollback,
  restart,
  host,
  validate,
  simulate,
  monitor,
  keygen,
};
