/** The programs, modules and workflows of tasks, and the users they run as, as this host has them now: what would keep a task from being begun. */
import type { CustomSection } from '#config/custom-tasks.ts';
import type { TaskName } from '#config/pipelines.ts';
import type { Position } from '#config/problem.ts';
import { type Account, type AccountFault, accountForNow } from '#engine/tasks/custom/executable/account.ts';
import { faultOfProgram } from '#engine/tasks/custom/executable/program-file.ts';
import { faultOfFile } from '#engine/tasks/custom/trusted-file.ts';
import { workflowFaults } from './workflow-faults.ts';

export interface TaskFileFault {
  readonly at: Position;
  readonly message: string;
}

/** Asks for each user once, in vain for at most 2 s. */
export function taskFileFaults(tasks: ReadonlyMap<TaskName, CustomSection>): TaskFileFault[] {
  const accounts = new Map<string, Account | AccountFault>();
  const judge = process.geteuid?.() === 0 ? 'way' : 'file';
  return [...tasks].flatMap(([name, { task, at }]) => {
    if (task.driver === 'module') {
      const fault = faultOfFile(String(task.options.module));
      return fault === undefined ? [] : [{ at, message: `the module of task "${name}" cannot be used: ${fault}` }];
    }
    const workflows = workflowFaults(task).map((fault) => ({ at, message: `task "${name}": ${fault}` }));
    if (task.driver !== 'executable') return workflows;
    const user = String(task.options.user ?? '');
    const account = accounts.get(user) ?? accountForNow(user);
    accounts.set(user, account);
    const [program] = Array.isArray(task.options.command) ? task.options.command : [];
    const fault = 'fault' in account ? account.fault : faultOfProgram(String(program), { uid: account.uid, judge });
    return fault === undefined ? [] : [{ at, message: `task "${name}" ${fault}` }];
  });
}
