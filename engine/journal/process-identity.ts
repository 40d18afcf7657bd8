/** The identity of this process, and whether the process in a lease is alive. */
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type HolderLife, type Identity, ownerOf, readOwner } from './lease.ts';
import type { LeaseRow } from './rows.ts';

/**
 * Files with an identity of the machine that survives a reboot: machine-id(5), and the UUID of the mainboard, by which virtual machines
 * that were cloned with their machine-id differ.
 */
export const MACHINE_FILES: readonly string[] = ['/etc/machine-id', '/sys/class/dmi/id/product_uuid'];

/**
 * A fingerprint of the machine, undefined if its first file cannot be read. Hashed: machine-id(5) requires that the value is not passed on.
 * A machine whose other files are only sometimes readable counts as two, which only costs a wait.
 */
export function machineOf(files: readonly string[]): string | undefined {
  const [first, ...others] = files.map((file) => {
    try {
      return readFileSync(file, 'utf8').trim();
    } catch {
      return '';
    }
  });
  if (!first || first === 'uninitialized') return undefined;
  return createHash('sha256')
    .update(['recovery-agent', first, ...others].join('\n'))
    .digest('hex')
    .slice(0, 32);
}

/** Boot id and pid namespace (containers of one machine share the first and not the second), and the machine if it is known. */
function bootId(machine: string | undefined): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const parts = [boot, readlinkSync('/proc/self/ns/pid')];
  return [...parts, ...(machine ? [machine] : [])].join('/');
}

/** Fields 3 to 22 of proc_pid_stat(5); empty when there is no such process. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** In clock ticks after boot; undefined when there is no such process. */
export function startOf(pid: number): string | undefined {
  return statOf(pid)[19];
}

/** Whether none of its threads runs any more and it only waits for its parent: signals still reach such a process. */
function isZombie(pid: number): boolean {
  if (!/^[ZX]/.test(statOf(pid)[0] ?? '')) return false;
  try {
    return readdirSync(`/proc/${pid}/task`).length <= 1;
  } catch {
    return true;
  }
}

/**
 * @param machineFiles without them the machine is not identified.
 * @param resource the cluster resource for which this process runs
 */
export function identifyProcess(node: string, machineFiles: readonly string[] = [], resource?: string): Identity {
  const owner = ownerOf(randomUUID(), { processStart: startOf(process.pid), resource });
  return { owner, node, pid: process.pid, bootId: bootId(machineOf(machineFiles)) };
}

/**
 * A pid that was given to another process since counts as dead if the lease has the start time of its holder, otherwise as alive: an error
 * is on the safe side.
 *
 * A node name proves nothing, two machines may have it. Only the same machine with another boot id has rebooted since, so that nothing of
 * that boot is alive.
 */
export function lifeOf(lease: LeaseRow, me: Identity): HolderLife {
  const [boot, namespace, machine] = lease.boot_id.split('/');
  const [myBoot, myNamespace, myMachine] = me.bootId.split('/');
  if (boot !== myBoot) {
    const hasRebooted = lease.node === me.node && machine !== undefined && machine === myMachine;
    return hasRebooted ? 'dead' : 'not visible';
  }
  if (namespace !== myNamespace) return 'not visible';
  if (lease.pid === me.pid) return 'dead';
  const start = startOf(lease.pid);
  const { processStart } = readOwner(lease.owner);
  if (processStart !== undefined && start !== undefined && start !== processStart) return 'dead';
  if (isZombie(lease.pid)) return 'dead';
  try {
    process.kill(lease.pid, 0);
    return 'alive';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? 'alive' : 'dead';
  }
}
