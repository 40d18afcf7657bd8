import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPacket, MAX_PACKET_BYTES, type Packet, parsePacket } from './packet.ts';

const KEY = Buffer.alloc(32, 'k');
const OLD_KEY = Buffer.alloc(32, 'o');
const PACKET: Packet = {
  kind: 'beat',
  time: 1_795_000_000_000,
  bootId: '0123456789abcdef0123456789abcdef',
  sequence: 7n,
  host: 'compute-1',
};

/** Signs a changed packet again, which requires the key. */
function resigned(packet: Buffer, change: (body: Buffer) => Buffer): Buffer {
  const body = change(Buffer.from(packet.subarray(0, -32)));
  return Buffer.concat([body, createHmac('sha256', KEY).update(body).digest()]);
}

describe('a heartbeat', () => {
  test.each<Packet>([
    PACKET,
    { ...PACKET, kind: 'goodbye' },
    { ...PACKET, sequence: 2n ** 64n - 1n, host: 'x'.repeat(255) },
  ])('is read as it was sent', (packet) => {
    const bytes = formatPacket(packet, KEY);
    expect(bytes.length).toBeLessThanOrEqual(MAX_PACKET_BYTES);
    expect(parsePacket(bytes, () => [KEY])).toEqual(packet);
  });

  test('signed with the previous key is accepted while that key is accepted', () => {
    const bytes = formatPacket(PACKET, OLD_KEY);
    expect(parsePacket(bytes, () => [KEY, OLD_KEY])).toEqual(PACKET);
    expect(parsePacket(bytes, () => [KEY])).toBe('wrong key');
  });

  test('is proven by the key of the host that it names, and by no other', () => {
    const bytes = formatPacket(PACKET, KEY);
    const keys = (host: string) => (host === 'compute-1' ? [KEY] : [OLD_KEY]);
    expect(parsePacket(bytes, keys)).toEqual(PACKET);
    const forged = formatPacket({ ...PACKET, host: 'compute-2' }, KEY);
    expect(parsePacket(forged, keys)).toBe('wrong key');
  });

  test('is refused if any bit of it was changed', () => {
    const bytes = formatPacket(PACKET, KEY);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(
        parsePacket(changed, () => [KEY]),
        `bit ${bit}`,
      ).toBeTypeOf('string');
    }
  });

  test('is refused if it is cut, longer, or of another version', () => {
    const bytes = formatPacket(PACKET, KEY);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(parsePacket(bytes.subarray(0, length), () => [KEY])).toBeTypeOf('string');
    }
    expect(parsePacket(Buffer.concat([bytes, bytes]), () => [KEY])).toBe('no heartbeat');
    const next = resigned(bytes, (body) => {
      body.writeUInt8(2, 4);
      return body;
    });
    expect(parsePacket(next, () => [KEY])).toBe('another version');
  });

  test('with an invalid host name is refused, although its key is right', () => {
    for (const name of ['-ompute-1', 'compute 1', 'comp\nte-1', '../pute-1']) {
      const bytes = resigned(formatPacket({ ...PACKET, host: 'x'.repeat(name.length) }, KEY), (body) => {
        body.write(name, 39, 'latin1');
        return body;
      });
      expect(parsePacket(bytes, () => [KEY])).toBe('no heartbeat');
    }
    expect(() => formatPacket({ ...PACKET, host: 'a b' }, KEY)).toThrow('cannot be the name of a host');
  });

  test('random bytes are refused without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), fc.boolean(), (noise, isWellFormed) => {
        const bytes = Buffer.from(noise);
        if (isWellFormed && bytes.length > 5) bytes.write('RAHB\u0001', 0, 'latin1');
        expect(parsePacket(bytes, () => [KEY])).toBeTypeOf('string');
      }),
    );
  });
});
