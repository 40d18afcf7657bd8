/** The programs of tasks, and the users they run as, as this host has them now: what would keep a task from being begun. */
import type { CustomSection } from '#config/custom-tasks.ts';
import type { TaskName } from '#config/pipelines.ts';
import type { Position } from '#config/problem.ts';
import { type Account, type AccountFault, accountForNow } from '#engine/tasks/custom/executable/account.ts';
import { faultOfProgram } from '#engine/tasks/custom/executable/program-file.ts';

export interface ProgramFault {
  readonly at: Position;
  readonly message: string;
}

/** Asks for each user once, in vain for at most 2 s. */
export function programFaults(tasks: ReadonlyMap<TaskName, CustomSection>): ProgramFault[] {
  const accounts = new Map<string, Account | AccountFault>();
  const judge = process.geteuid?.() === 0 ? 'directories' : 'file';
  return [...tasks].flatMap(([name, { task, at }]) => {
    if (task.driver !== 'executable') return [];
    const user = String(task.options.user ?? '');
    const account = accounts.get(user) ?? accountForNow(user);
    accounts.set(user, account);
    const [program] = Array.isArray(task.options.command) ? task.options.command : [];
    const fault = 'fault' in account ? account.fault : faultOfProgram(String(program), { uid: account.uid, judge });
    return fault === undefined ? [] : [{ at, message: `task "${name}" ${fault}` }];
  });
}
