/** The modules of tasks as this host has them now: what can be found by loading them, before a failure does. */

import type { TaskName } from '#config/pipelines/pipelines.ts';
import type { CustomSection } from '#config/pipelines/task-definition.ts';
import { type Examined, examineModule } from '#engine/task-drivers/module/examine-module.ts';
import { faultOfFile } from '#protocol/trusted-path.ts';
import type { TaskFileFault } from './task-file-faults.ts';

/** Loads each module once, one after the other; a process is started for each. */
export async function moduleFaults(tasks: ReadonlyMap<TaskName, CustomSection>): Promise<TaskFileFault[]> {
  const examined = new Map<string, Examined>();
  const faults: TaskFileFault[] = [];
  for (const [name, section] of tasks) {
    const { task, at, places } = section;
    const module = String(task.options.module);
    // Faults of the file itself are reported with the files.
    if (task.driver !== 'module' || faultOfFile(module) !== undefined) continue;
    const found = examined.get(module) ?? (await examineModule(module));
    examined.set(module, found);
    for (const message of faultsOf(name, section, found)) faults.push({ at: places.get('module') ?? at, message });
  }
  return faults;
}

function faultsOf(name: TaskName, { task }: CustomSection, found: Examined): string[] {
  if ('fault' in found) return [`the module of task "${name}" cannot be used: ${found.fault}`];
  const requested = [
    { function: 'run', why: '', isNeeded: true },
    { function: 'check', why: ', which after_crash = check requires', isNeeded: task.afterCrash === 'check' },
    { function: 'undo', why: ', which undo = true requires', isNeeded: task.undo },
  ] as const;
  return requested
    .filter((each) => each.isNeeded && !found.exports.includes(each.function))
    .map((each) => `the module of task "${name}" exports no function "${each.function}"${each.why}`);
}
