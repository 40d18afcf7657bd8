/** The files that tasks name and the users they run as, as this host has them now: what would keep a task from being begun. */
import type { CustomSection } from '#config/custom-tasks.ts';
import type { TaskName } from '#config/pipelines.ts';
import type { Position } from '#config/problem.ts';
import { type Account, type AccountFault, accountForNow } from '#engine/tasks/custom/executable/account.ts';
import { faultOfProgram } from '#engine/tasks/custom/executable/program-file.ts';
import { faultOfFile } from '#engine/tasks/custom/trusted-file.ts';
import { secretFileFaults } from './secret-file-faults.ts';
import { workflowFaults } from './workflow-faults.ts';

export interface TaskFileFault {
  readonly at: Position;
  readonly message: string;
}

/** Asks for each user once, in vain for at most 2 s. */
export function taskFileFaults(tasks: ReadonlyMap<TaskName, CustomSection>): TaskFileFault[] {
  const accounts = new Map<string, Account | AccountFault>();
  return [...tasks].flatMap(([name, section]) => {
    const at = (option: string): Position => section.places.get(option) ?? section.at;
    const { driver, options } = section.task;
    if (driver === 'module') {
      const fault = faultOfFile(String(options.module));
      const message = `the module of task "${name}" cannot be used: ${fault}`;
      return fault === undefined ? [] : [{ at: at('module'), message }];
    }
    if (driver === 'executable') {
      const found = programFault(section, accounts);
      return found === undefined ? [] : [{ at: at(found.option), message: `task "${name}" ${found.fault}` }];
    }
    return [...workflowFaults(section.task), ...secretFileFaults(section)].map(({ option, fault }) => ({
      at: at(option),
      message: `task "${name}": ${fault}`,
    }));
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
  const judge = process.geteuid?.() === 0 ? 'way' : 'file';
  const [program] = Array.isArray(options.command) ? options.command : [];
  const fault = faultOfProgram(String(program), { uid: account.uid, judge });
  return fault === undefined ? undefined : { option: 'command', fault };
}
