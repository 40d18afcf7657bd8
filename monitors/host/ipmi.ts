/**
 * The power state of hosts over IPMI, asked with ipmitool.
 *
 * Invariants: the password reaches ipmitool in its environment (`-E`), never on its command line, which every user of the
 * machine can read. Nothing but the line "Chassis Power is off" of an ipmitool that ended well is taken for power off.
 */
import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineOptions } from '#config/options.ts';
import type { Source } from './fact.ts';
import { type InventoryHost, type IpmiBoard, requireInventory } from './inventory.ts';
import { passwordOf } from './password.ts';
import { powerOfAll } from './power.ts';

const MAX_OUTPUT_BYTES = 64 * 1024;

interface IpmiHost {
  readonly name: string;
  readonly bmc: IpmiBoard;
}

export async function createIpmiSource(options: EngineOptions, node: string): Promise<Source> {
  const settings = options.hostSources;
  const hosts = requireInventory(settings.inventory, 'ipmi').filter(hasIpmi);
  if (hosts.length === 0) throw new Error(`${settings.inventory} has no host with a bmc of type ipmi`);
  const others = hosts.filter(({ name }) => name !== node);
  return {
    name: 'ipmi',
    look: (signal) =>
      powerOfAll('ipmi', others, settings.boardsParallel, ({ bmc }) => askAgain(settings, bmc, signal), signal),
  };
}

function hasIpmi(host: InventoryHost): host is InventoryHost & IpmiHost {
  return host.bmc?.type === 'ipmi';
}

type Settings = EngineOptions['hostSources'];

async function askAgain(settings: Settings, board: IpmiBoard, signal: AbortSignal): Promise<'on' | 'off'> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await ask(settings, board, signal);
    } catch (error) {
      if (tries >= settings.ipmiRetryMax || signal.aborted) throw error;
      await delay(settings.ipmiRetryIntervalMs, undefined, { signal });
    }
  }
}

function ask(settings: Settings, board: IpmiBoard, signal: AbortSignal): Promise<'on' | 'off'> {
  const { address, port, user, interface: network = 'lanplus', privilege } = board;
  const words = ['-I', network, '-H', address, '-U', user, '-E'];
  if (port !== undefined) words.push('-p', String(port));
  if (privilege !== undefined) words.push('-L', privilege);
  words.push('chassis', 'power', 'status');
  const password = passwordOf(board);
  const { promise, resolve, reject } = Promise.withResolvers<'on' | 'off'>();
  const limits = { timeout: settings.ipmiTimeoutMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', IPMI_PASSWORD: password };
  execFile(settings.ipmitool, words, { ...limits, env, signal }, (error, stdout, stderr) => {
    if (error !== null) return reject(new Error(explain(error, stderr, settings).replaceAll(password, '***')));
    const state = powerIn(stdout);
    if (state === undefined) reject(new Error(`${settings.ipmitool} does not say whether the power is on or off`));
    else resolve(state);
  });
  return promise;
}

/** Source: ipmitool 1.8.19, lib/ipmi_chassis.c: "Chassis Power is on" or "off", and a newline. */
export function powerIn(output: string): 'on' | 'off' | undefined {
  const states = new Set(Array.from(output.matchAll(/^Chassis Power is (on|off)\s*$/gm), (match) => match[1]));
  if (states.size !== 1) return undefined;
  return states.has('off') ? 'off' : 'on';
}

/** Without the command line that Node puts into its message. */
function explain(
  error: Error & { readonly code?: unknown; readonly killed?: boolean },
  stderr: string,
  { ipmitool, ipmiTimeoutMs }: Settings,
): string {
  if (error.code === 'ENOENT') return `${ipmitool} does not exist; install ipmitool, or name it in [host] ipmitool`;
  if (error.code === 'EACCES') return `${ipmitool} may not be run`;
  if (error.name === 'AbortError') return 'the look was ended';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `${ipmitool} says more than anything sensible`;
  if (error.killed === true) return `no answer within ${ipmiTimeoutMs / 1000} s`;
  const said = stderr.trim().split('\n').at(-1);
  return `${ipmitool} ended with ${String(error.code)}${said ? `: ${said}` : ''}`;
}
