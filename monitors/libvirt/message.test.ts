import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeMessage, MAX_MESSAGE_BYTES, type Message, MessageReader } from './message.ts';
import { MalformedReply } from './xdr.ts';

const HEADER = { program: 0x20008086, version: 1, procedure: 344, type: 1, serial: 7, status: 0 };

test('messages are found in a stream that is cut at any byte', () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  fc.assert(
    fc.property(bodies, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map((body) => encodeMessage(HEADER, Buffer.from(body))));
      const reader = new MessageReader();
      const found: Message[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const length = cuts[turn % cuts.length] ?? 1;
        found.push(...reader.take(stream.subarray(at, at + length)));
        at += length;
      }
      expect(found).toEqual(sent.map((body) => ({ ...HEADER, body: Buffer.from(body) })));
    }),
  );
});

test.each([0, 27, MAX_MESSAGE_BYTES + 1, 0xffffffff])('a message of %d bytes is refused by its length', (length) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  expect(() => [...new MessageReader().take(bytes)]).toThrow(MalformedReply);
});
