/**
 * Reads the holder of the journal's lease in a process of its own: storage that hangs blocks that process, and not the action
 * that needs the result.
 */
import type { Action } from './action.ts';
import type { Parameters } from './parameters.ts';

/** The program's internal command for it, followed by the configuration and the journal. */
export const WITNESS_COMMAND = 'lease-witness';

export interface Lease {
  readonly is: 'lease';
  readonly node: string;
  readonly pid: number;
  readonly state: 'held' | 'released';
  /** The state of the holder's process as seen from this node. */
  readonly life: 'dead' | 'alive' | 'not visible';
  /** Whether the lease has the holder's start time, so that `alive` means that very process. */
  readonly isExact: boolean;
  readonly resource: string | null;
  /** Time since the last renewal by the wall clocks of both nodes, and how long one counts, both in ms. */
  readonly age: number;
  readonly leaseTimeout: number;
}

export type LeaseWitness =
  | Lease
  /** The storage is not mounted. */
  | { readonly is: 'no folder'; readonly folder: string }
  /** No journal yet, none that can be read now, or storage that hangs. */
  | { readonly is: 'nothing' };

const NOTHING: LeaseWitness = { is: 'nothing' };
/** Upper bound: a lock of a writer is waited for, storage that hangs is not. */
const TIMEOUT_MS = 3_000;

/** Never fails; without a result of the lease an action relies on /proc. */
export function readLease(program: Action['program'], { config, journal }: Parameters): Promise<LeaseWitness> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const [file, ...argv] = program;
  return new Promise((resolve) => {
    const child = spawn(file, [...argv, WITNESS_COMMAND, config, journal], {
      stdio: ['ignore', 'pipe', 'ignore'],
      cwd: '/',
    });
    // Without descriptors or processes left there is no child, and no pipe either.
    child.on('error', () => resolve(NOTHING));
    if (child.pid === undefined) return;
    let text = '';
    const timer = setTimeout(() => {
      // It may not react to signals; nothing waits for it.
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.unref();
      resolve(NOTHING);
    }, TIMEOUT_MS);
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    child.on('close', () => {
      clearTimeout(timer);
      resolve(parse(text));
    });
  });
}

function parse(text: string): LeaseWitness {
  try {
    return JSON.parse(text) as LeaseWitness;
  } catch {
    return NOTHING;
  }
}
