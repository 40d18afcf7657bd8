/**
 * Sends the heartbeats of this host until the signal, then a goodbye, so that an orderly stop is not taken for a failure.
 *
 * Invariant: an error of one address does not affect the others: a network that is down delays no heartbeat on another.
 */

import { createSocket, type Socket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineOptions } from '#config/options/options.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import { type Address, parseAddresses } from '../address.ts';
import { HeartbeatKeys } from './keys.ts';
import { formatPacket, type Packet } from './packet.ts';

/** A datagram may be lost, and none follows the last one. */
const GOODBYES = 3;
/** The kernel accepts a datagram at once or not at all. */
const SEND_TIMEOUT_MS = 2_000;

/**
 * Resolves after the goodbye, or at once if `send_to` is empty. Throws if there is no usable key or address; later errors
 * are logged and retried.
 */
export async function sendHeartbeats(
  options: EngineOptions,
  node: string,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { sendTo, port, intervalMs } = options.heartbeat;
  const targets = parseAddresses(sendTo, port);
  if (targets.length === 0) return;
  for (const { host } of targets) {
    if (isIP(host) === 0) throw new Error(`[heartbeat] send_to: "${host}" is no IP address; names are not looked up`);
  }
  const keys = new HeartbeatKeys(options);
  const bootId = await readBootId();
  const outlets = targets.map((address) => new Outlet(address, log));
  let sequence = 0n;
  let keyFault: string | undefined;
  const send = async (kind: Packet['kind']) => {
    sequence = nextSequence(sequence);
    const packet = formatPacket({ kind, time: Date.now(), bootId, sequence, host: node }, keys.signing(node));
    if (keys.fault !== keyFault) {
      keyFault = keys.fault;
      if (keyFault !== undefined) log('warning', `${keyFault}; the previous key stays in use`);
    }
    await Promise.all(outlets.map((outlet) => outlet.send(packet)));
  };
  try {
    while (!signal.aborted) {
      await send('beat');
      await delay(intervalMs, undefined, { signal }).catch(() => undefined);
    }
    for (let round = 0; round < GOODBYES; round += 1) await send('goodbye');
  } finally {
    for (const outlet of outlets) outlet.close();
  }
}

/**
 * Rises for as long as the kernel runs, for every process: it is CLOCK_MONOTONIC in microseconds, which no change of the
 * wall clock affects.
 */
export function nextSequence(last: bigint): bigint {
  const now = process.hrtime.bigint() / 1000n;
  return now > last ? now : last + 1n;
}

/** Source: random(4), /proc/sys/kernel/random/boot_id. */
async function readBootId(): Promise<string> {
  const text = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  const id = text.trim().replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/.test(id)) throw new Error('the kernel has no boot id in /proc/sys/kernel/random/boot_id');
  return id;
}

/** The socket for one address; logs when it fails and when it recovers. */
class Outlet {
  readonly #address: Address;
  readonly #log: Log;
  #socket: Socket | undefined;
  #broken: string | undefined;

  constructor(address: Address, log: Log) {
    this.#address = address;
    this.#log = log;
  }

  async send(packet: Uint8Array): Promise<void> {
    const { host, port } = this.#address;
    try {
      await this.#transmit(packet);
      if (this.#broken !== undefined) this.#log('info', 'heartbeats are sent again', { to: host, port });
      this.#broken = undefined;
    } catch (error) {
      const why = errorMessage(error);
      if (this.#broken !== why) this.#log('warning', 'heartbeats are not sent; retrying', { to: host, port, why });
      this.#broken = why;
      this.close();
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #transmit(packet: Uint8Array): Promise<void> {
    const { host, port } = this.#address;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket ??= createSocket(isIP(host) === 6 ? 'udp6' : 'udp4').unref();
    // An asynchronous error (ICMP) belongs to the packet that is being sent, or to none.
    this.#socket.removeAllListeners('error').on('error', reject);
    const timer = setTimeout(() => reject(new Error(`not sent within ${SEND_TIMEOUT_MS} ms`)), SEND_TIMEOUT_MS);
    this.#socket.send(packet, port, host, (error) => (error === null ? resolve() : reject(error)));
    return promise.finally(() => clearTimeout(timer));
  }
}
