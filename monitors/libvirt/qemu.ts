/**
 * Requests to the guest's agent and to QEMU, through libvirt. A missing response of either is no failure of libvirt and
 * ends only that call.
 */
import type { LibvirtConnection } from './connection.ts';
import { ERROR_CODE, PROCEDURE, QEMU_PROCEDURE, QEMU_PROGRAM, STATS, STATS_NOWAIT } from './constants.ts';
import { type DomainName, writeDomain } from './domain-name.ts';
import { LibvirtRefusal } from './errors.ts';
import { XdrWriter } from './xdr.ts';

/** Besides the given timeout, libvirt needs 5 s to synchronise with an agent that failed before (measured). */
const AGENT_EXTRA_MS = 10_000;
/** A request to a hung QEMU stays unanswered while it hangs. */
const PROBE_MS = 600_000;

/** No response; a response out of sequence; the command timed out. */
const SILENT_CODES: readonly number[] = [
  ERROR_CODE.agentUnresponsive,
  ERROR_CODE.agentUnsynced,
  ERROR_CODE.agentCommandTimeout,
];

export type PingAnswer = 'answered' | 'silent' | { readonly unknown: string };

/**
 * `guest-ping`. Only libvirt is connected to the agent, so it has to send the ping; it synchronises with the agent first.
 * Needs a read-write connection.
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
 * Sends QEMU a request that only QEMU itself can process and that is cheap: its I/O threads. Resolves at the response, or
 * at once if another call is busy with that QEMU. libvirt itself sets no timeout for it.
 */
export async function probeQemu(connection: LibvirtConnection, domain: DomainName): Promise<void> {
  const body = writeDomain(new XdrWriter().uint(1), domain).uint(STATS.ioThread).uint(STATS_NOWAIT).bytes();
  await connection.call(PROCEDURE.getAllDomainStats, body, { timeoutMs: PROBE_MS, lateCosts: 'call' });
}
