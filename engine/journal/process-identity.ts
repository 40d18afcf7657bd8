/** Who this process is, and whether the process that a lease names is alive. */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import type { HolderLife, Identity } from './lease.ts';
import type { LeaseRow } from './words.ts';

/** Boot id and pid namespace: containers of one machine share the first and not the second. */
function bootId(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
}

export function identifyProcess(node: string): Identity {
  return { owner: randomUUID(), node, pid: process.pid, bootId: bootId() };
}

/** A pid that was given to another process since counts as alive: the verdict errs on the safe side. */
export function lifeOf(lease: LeaseRow, me: Identity): HolderLife {
  if (lease.boot_id !== me.bootId) {
    // The same node with another boot id has rebooted since: nothing of that boot lives.
    const sameMachine = lease.node === me.node && lease.boot_id.split('/')[0] !== me.bootId.split('/')[0];
    return sameMachine ? 'dead' : 'not visible';
  }
  if (lease.pid === me.pid) return 'dead';
  try {
    process.kill(lease.pid, 0);
    return 'alive';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? 'alive' : 'dead';
  }
}
