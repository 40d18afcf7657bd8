/**
 * The keys that engines derive from a master: one for each host, which only that host and engines have (HKDF, RFC 5869).
 *
 * Invariant: a key reveals neither the master nor the key of another host, generation or purpose.
 */
import { comparableHost } from '../host-name.ts';

export const KEY_BYTES = 32;

/** The number of a host's key: its master's generation, and how often a key was reissued to the host after a revocation. */
export interface KeyNumber {
  readonly generation: number;
  /** From 1. */
  readonly serial: number;
}

/** The key with which a host and an engine authenticate to each other over TLS. */
export function hostKey(master: Uint8Array, host: string, serial: number): Buffer {
  return derive(master, `recovery-agent host ${comparableHost(host)} ${serial}`);
}

/** The master from which watchers derive the heartbeat keys of all hosts. */
export function heartbeatMaster(master: Uint8Array): Buffer {
  return derive(master, 'recovery-agent heartbeats');
}

/** The key with which a host signs its heartbeats. */
export function heartbeatKey(heartbeats: Uint8Array, host: string): Buffer {
  return derive(heartbeats, `recovery-agent heartbeat of ${comparableHost(host)}`);
}

function derive(from: Uint8Array, purpose: string): Buffer {
  return Buffer.from(process.getBuiltinModule('node:crypto').hkdfSync('sha256', from, '', purpose, KEY_BYTES));
}
