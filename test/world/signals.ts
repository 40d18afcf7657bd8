/** What a process does with a signal, as the kernel has it (proc_pid_status(5), SigCgt). */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** Whether a handler of the process catches the signal. Node's own handler of SIGUSR1 opens its inspector. */
export function catches(pid: number, signal: NodeJS.Signals): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  return (BigInt(`0x${caught}`) & (1n << BigInt(constants.signals[signal] - 1))) !== 0n;
}
