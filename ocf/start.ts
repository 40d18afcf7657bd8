/**
 * `start`: returns success only when the engine holds the lease and answers. While it waits for the lock or the lease of a dead
 * node it says so; what does not come up within the action's timeout is ended, so that no half-started engine stays.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Action, timeoutOf } from './action.ts';
import { OCF, type OcfCode, OcfFailure } from './codes.ts';
import { monitor } from './monitor.ts';
import type { Parameters } from './parameters.ts';
import { askEngine } from './ping.ts';
import { stop } from './stop.ts';

const DEFAULT_TIMEOUT_MS = 120_000;
const POLL_MS = 50;
const SAY_EVERY_MS = 10_000;

/** What an engine's exit code at start means to the cluster. */
function codeOf(exitCode: number | null): OcfCode {
  switch (exitCode) {
    case 2:
      return OCF.ERR_CONFIGURED;
    case 5:
      return OCF.ERR_INSTALLED;
    default:
      return OCF.ERR_GENERIC;
  }
}

function lastLines(path: string, offset: number): string {
  try {
    return readFileSync(path).subarray(offset).toString('utf8').trim().split('\n').slice(-3).join('; ');
  } catch {
    return '';
  }
}

export async function start(parameters: Parameters, action: Action): Promise<void> {
  const { socket, pidfile, logfile, config, journal, log_level } = parameters;
  const before = await monitor(parameters, 0);
  if (before.code === OCF.SUCCESS) return;
  if (before.code !== OCF.NOT_RUNNING) {
    action.log(`${before.reason}; it is ended before another one is started`);
    await stop(parameters, action);
  }
  if (journal !== '' && !existsSync(dirname(journal))) {
    throw new OcfFailure(OCF.ERR_INSTALLED, `${dirname(journal)} does not exist; is the shared storage mounted?`);
  }
  for (const path of [socket, pidfile]) mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  mkdirSync(dirname(logfile), { recursive: true, mode: 0o750 });
  const deadline = performance.now() + timeoutOf(action.environment, DEFAULT_TIMEOUT_MS);
  const output = openSync(logfile, 'a', 0o640);
  const logBegins = readFileSync(logfile).length;
  const [file, ...argv] = action.program;
  const isDefaultConfig = config === '/etc/recovery-agent/recovery-agent.conf' && !existsSync(config);
  const child = spawn(
    file,
    [
      ...argv,
      'engine',
      '--take-over',
      ...(isDefaultConfig ? [] : ['--config', config]),
      ...(journal === '' ? [] : ['--journal', journal]),
      '--socket',
      socket,
      '--pid-file',
      pidfile,
      '--log-level',
      log_level,
      '--node',
      action.environment.OCF_RESKEY_CRM_meta_on_node || hostname(),
    ],
    { detached: true, stdio: ['ignore', output, output], cwd: '/' },
  );
  closeSync(output);
  let saidAt = performance.now();
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new OcfFailure(codeOf(child.exitCode), `the engine ended: ${lastLines(logfile, logBegins)}`);
    }
    const answer = await askEngine(socket, 'ping', 1000);
    if (answer.is === 'answering') {
      child.unref();
      return;
    }
    if (performance.now() - saidAt > SAY_EVERY_MS) {
      saidAt = performance.now();
      action.log(
        `waiting for the engine (pid ${child.pid}): ${lastLines(logfile, logBegins) || 'it has said nothing yet'}`,
      );
    }
    await delay(POLL_MS);
  }
  child.kill('SIGKILL');
  throw new OcfFailure(OCF.ERR_GENERIC, `the engine did not come up in time: ${lastLines(logfile, logBegins)}`);
}
