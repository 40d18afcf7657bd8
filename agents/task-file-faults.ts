/** The files that tasks name and the users they run as, as they are on this host now: faults that would keep a task from starting. */

import type { Position } from '#config/document/problem.ts';
import type { TaskName } from '#config/pipelines/pipelines.ts';
import type { CustomSection } from '#config/pipelines/task-definition.ts';
import { type Account, type AccountFault, accountForNow } from '#engine/task-drivers/executable/account.ts';
import { faultOfCommand } from '#engine/task-drivers/executable/command-files.ts';
import { missingTools } from '#engine/task-drivers/executable/confinement.ts';
import { faultOfFile } from '#protocol/trusted-path.ts';
import { secretFileFaults } from './secret-file-faults.ts';
import { workflowFaults } from './workflow-faults.ts';

export interface TaskFileFault {
  readonly at: Position;
  readonly message: string;
}

/** Queries each user once, for at most 2 s. */
export function taskFileFaults(tasks: ReadonlyMap<TaskName, CustomSection>): TaskFileFault[] {
  const accounts = new Map<string, Account | AccountFault>();
  return [...tasks].flatMap(([name, section]) => {
    const at = (option: string): Position => section.places.get(option) ?? section.at;
    const { driver, options } = section.task;
    const others = [...workflowFaults(section.task), ...secretFileFaults(section)].map(({ option, fault }) => ({
      at: at(option),
      message: `task "${name}": ${fault}`,
    }));
    if (driver === 'module') {
      const fault = faultOfFile(String(options.module));
      const message = `the module of task "${name}" cannot be used: ${fault}`;
      return fault === undefined ? others : [{ at: at('module'), message }, ...others];
    }
    if (driver === 'executable') {
      const found = programFault(section, accounts);
      return found === undefined
        ? others
        : [{ at: at(found.option), message: `task "${name}" ${found.fault}` }, ...others];
    }
    return others;
  });
}

/** Programs that would run, but with more rights than they should have on this host. */
export function unconfinedPrograms(
  tasks: ReadonlyMap<TaskName, CustomSection>,
  missing: readonly string[] = missingTools(),
): TaskFileFault[] {
  if (missing.length === 0) return [];
  return [...tasks].flatMap(([name, { task, at }]) => {
    if (task.driver !== 'executable') return [];
    const message = `the program of task "${name}" is started without no_new_privs, limits and supplementary groups: ${missing.join(' and ')} cannot be used; install util-linux`;
    return [{ at, message }];
  });
}

function programFault(
  { task: { options } }: CustomSection,
  accounts: Map<string, Account | AccountFault>,
): { readonly option: string; readonly fault: string } | undefined {
  const user = String(options.user ?? '');
  const account = accounts.get(user) ?? accountForNow(user);
  accounts.set(user, account);
  if ('fault' in account) return { option: 'user', fault: account.fault };
  const scope = process.geteuid?.() === 0 ? 'way' : 'file';
  const argv = Array.isArray(options.command) ? options.command.map(String) : [];
  const fault = faultOfCommand(argv, { uid: account.uid, scope });
  return fault === undefined ? undefined : { option: 'command', fault };
}
