/**
 * What is asked of the guest's agent and of QEMU, through libvirt. Both may stay silent, which says nothing about libvirt:
 * such a call costs no more than itself.
 */
import type { LibvirtConnection } from './connection.ts';
import { ERROR_CODE, PROCEDURE, QEMU_PROCEDURE, QEMU_PROGRAM, STATS, STATS_NOWAIT } from './constants.ts';
import { type DomainName, writeDomain } from './domain-name.ts';
import { LibvirtRefusal } from './errors.ts';
import { XdrWriter } from './xdr.ts';

/** Besides the timeout asked for, libvirt takes 5 s of its own to synchronise with an agent that failed before (measured). */
const AGENT_EXTRA_MS = 10_000;
/** A probe of a QEMU that hangs stays unanswered as long as it hangs. */
const PROBE_MS = 600_000;

/** No answer; answered out of turn; the time of the command was up. */
const SILENT_CODES: readonly number[] = [
  ERROR_CODE.agentUnresponsive,
  ERROR_CODE.agentUnsynced,
  ERROR_CODE.agentCommandTimeout,
];

export type PingAnswer = 'answered' | 'silent' | { readonly unknown: string };

/**
 * `guest-ping`. libvirt holds the only connection to the agent, so it has to ask; it synchronises with it first. Takes a
 * read-write connection.
 */
export async function pingAgent(
  connection: LibvirtConnection,
  domain: DomainName,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<PingAnswer> {
  const command = '{"execute":"guest-ping"}';
  const seconds = Math.ceil(timeoutMs / 1000);
  const body = writeDomain(new XdrWriter(), domain).text(command).int(seconds).uint(0).bytes();
  try {
    await connection.call(QEMU_PROCEDURE.agentCommand, body, {
      program: QEMU_PROGRAM,
      timeoutMs: timeoutMs + AGENT_EXTRA_MS,
      lateCosts: 'call',
      signal,
    });
    return 'answered';
  } catch (error) {
    if (!(error instanceof LibvirtRefusal)) throw error;
    return SILENT_CODES.includes(error.code) ? 'silent' : { unknown: error.message };
  }
}

/**
 * Asks QEMU something that only QEMU can answer and that costs it nothing: its I/O threads. Resolves when it has answered,
 * or at once when another call is busy with it. libvirt itself sets no limit to this.
 */
export async function probeQemu(connection: LibvirtConnection, domain: DomainName): Promise<void> {
  const body = writeDomain(new XdrWriter().uint(1), domain).uint(STATS.ioThread).uint(STATS_NOWAIT).bytes();
  await connection.call(PROCEDURE.getAllDomainStats, body, { timeoutMs: PROBE_MS, lateCosts: 'call' });
}
