/**
 * The format of a heartbeat: one UDP datagram, big-endian.
 *
 *     bytes   what
 *     4       magic "RAHB"
 *     1       version, 1
 *     1       kind: 1 heartbeat, 2 goodbye (the host, or its sender, is being stopped in order)
 *     8       time of the sender, milliseconds UTC
 *     16      boot id of the sender's kernel
 *     8       sequence: rises with every packet of one boot, also when the sender is restarted
 *     1       length of the name in bytes
 *     1..255  name of the host, as Nova has it
 *     32      HMAC-SHA256 of all before it
 *
 * Invariant: nothing of a packet is used before its HMAC is checked; every packet has exactly the size that it states.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { isHostName } from '#protocol/host-name.ts';

export interface Packet {
  readonly kind: 'beat' | 'goodbye';
  /** By the clock of the sender, milliseconds UTC. */
  readonly time: number;
  /** 32 hexadecimal digits. */
  readonly bootId: string;
  readonly sequence: bigint;
  readonly host: string;
}

/** Why a datagram is refused. */
export type Refusal = 'no heartbeat' | 'another version' | 'wrong key';

const MAGIC = Buffer.from('RAHB', 'latin1');
const VERSION = 1;
const KINDS = { beat: 1, goodbye: 2 } as const;
const HEAD_BYTES = 4 + 1 + 1 + 8 + 16 + 8 + 1;
const HMAC_BYTES = 32;

export const MAX_PACKET_BYTES = HEAD_BYTES + 255 + HMAC_BYTES;

export function formatPacket(packet: Packet, key: Uint8Array): Buffer {
  if (!isHostName(packet.host)) throw new Error(`"${packet.host}" cannot be the name of a host in a heartbeat`);
  const body = Buffer.alloc(HEAD_BYTES + packet.host.length);
  MAGIC.copy(body, 0);
  body.writeUInt8(VERSION, 4);
  body.writeUInt8(KINDS[packet.kind], 5);
  body.writeBigUInt64BE(BigInt(packet.time), 6);
  body.write(packet.bootId, 14, 16, 'hex');
  body.writeBigUInt64BE(packet.sequence, 30);
  body.writeUInt8(packet.host.length, 38);
  body.write(packet.host, HEAD_BYTES, 'latin1');
  return Buffer.concat([body, sign(body, key)]);
}

/**
 * @param keysOf the keys of the host that the packet names: any of them is accepted, the current one and, during a replacement, the
 * previous one
 */
export function parsePacket(datagram: Buffer, keysOf: (host: string) => readonly Uint8Array[]): Packet | Refusal {
  if (datagram.length < HEAD_BYTES + 1 + HMAC_BYTES || datagram.length > MAX_PACKET_BYTES) return 'no heartbeat';
  if (!datagram.subarray(0, 4).equals(MAGIC)) return 'no heartbeat';
  if (datagram.readUInt8(4) !== VERSION) return 'another version';
  if (datagram.length !== HEAD_BYTES + datagram.readUInt8(38) + HMAC_BYTES) return 'no heartbeat';
  const body = datagram.subarray(0, -HMAC_BYTES);
  const signature = datagram.subarray(-HMAC_BYTES);
  // Before the check, the packet's host name only selects the key.
  const host = body.toString('latin1', HEAD_BYTES);
  if (!isHostName(host)) return 'no heartbeat';
  if (!keysOf(host).some((key) => timingSafeEqual(sign(body, key), signature))) return 'wrong key';
  const kind = datagram.readUInt8(5);
  const time = Number(body.readBigUInt64BE(6));
  if ((kind !== KINDS.beat && kind !== KINDS.goodbye) || !Number.isSafeInteger(time)) return 'no heartbeat';
  return {
    kind: kind === KINDS.beat ? 'beat' : 'goodbye',
    time,
    bootId: body.toString('hex', 14, 30),
    sequence: body.readBigUInt64BE(30),
    host,
  };
}

function sign(body: Uint8Array, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(body).digest();
}
