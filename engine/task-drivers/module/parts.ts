/** How the executable is started as the process of a module, and the place of its code in the executable. */

/** The hidden command. Its argument, the path of the module, is there for `ps` only. */
export const PROCESS_COMMAND = 'task-module';
/** The part with the process, and the asset with the thread in it. */
export const PROCESS_PART = 'module-process';
export const THREAD_ASSET = 'module-thread.js';
