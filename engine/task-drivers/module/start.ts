/** Starts the process of a module and the thread in it: from source files in a checkout, from the executable's parts in it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { PROCESS_COMMAND, THREAD_ASSET } from './parts.ts';
import { HEAP_MB, type Work } from './wire.ts';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** No environment of the engine reaches a module. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? DEFAULT_PATH, LANG: process.env.LANG ?? 'C.UTF-8' };
}

/** @param module what it will run */
export function startProcess(module: string): ChildProcess {
  const sea = process.getBuiltinModule('node:sea');
  // The executable contains the option: no user of this machine opens Node's inspector by SIGUSR1.
  const first = sea.isSea()
    ? [PROCESS_COMMAND]
    : ['--disable-sigusr1', fileURLToPath(new URL('./process-main.ts', import.meta.url))];
  return spawn(process.execPath, [...first, module], {
    cwd: '/',
    env: cleanEnvironment(),
    // The fourth is the channel (channel.ts).
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    // Leader of a group of its own, so that its children are ended with it.
    detached: true,
  });
}

export function startThread(workerData: Work): Worker {
  const sea = process.getBuiltinModule('node:sea');
  const options = {
    workerData,
    argv: [],
    // An addon could end the process, or outlive the thread.
    execArgv: [
      '--no-addons',
      '--disable-warning=ExperimentalWarning',
      '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
    ],
    env: cleanEnvironment(),
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  };
  if (sea.isSea()) return new Worker(sea.getAsset(THREAD_ASSET, 'utf8'), { ...options, eval: true });
  return new Worker(new URL('./thread.ts', import.meta.url), options);
}
