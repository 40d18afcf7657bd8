import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LineEvent, LineReader } from './line-reader.ts';

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((start, index) => bytes.subarray(start, ends[index] ?? bytes.length));
}

function readAll(maxBytes: number, chunks: readonly Buffer[]): LineEvent[] {
  const reader = new LineReader(maxBytes);
  const events: LineEvent[] = [];
  for (const chunk of chunks) {
    for (const event of reader.take(chunk)) {
      events.push(event);
      if ('fault' in event && event.fault === 'too long') return events;
    }
  }
  return events;
}

describe('the lines of a stream', () => {
  it('are the same for a stream that is cut at any byte', () => {
    const someText = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\n', '\r\n', ' ', 'é', '🜁', ''));
    fc.assert(
      fc.property(fc.array(someText), fc.array(fc.nat()), (texts, places) => {
        const bytes = Buffer.from(texts.join('\n'));
        expect(readAll(200, cut(bytes, places))).toEqual(readAll(200, [bytes]));
      }),
    );
  });

  it('are the same for any bytes, cut byte by byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 40 }), (raw, maxBytes) => {
        const bytes = Buffer.from(raw);
        const single = [...bytes].map((byte) => Buffer.from([byte]));
        expect(readAll(maxBytes, single)).toEqual(readAll(maxBytes, [bytes]));
      }),
    );
  });

  it('come out as they were written, without blank ones and with any line end', () => {
    fc.assert(
      fc.property(fc.array(fc.json()), fc.constantFrom('\n', '\r\n', '\n\n \n'), (texts, end) => {
        const bytes = Buffer.from(texts.map((text) => `${text}${end}`).join(''));
        const events = readAll(1 << 20, [bytes]);
        expect(events.map((event) => ('line' in event ? JSON.parse(event.line) : event))).toEqual(
          texts.map((text) => JSON.parse(text)),
        );
      }),
    );
  });

  it('may have exactly the largest length, and not one byte more', () => {
    expect(readAll(5, [Buffer.from('12345\n')])).toEqual([{ line: '12345' }]);
    expect(readAll(5, [Buffer.from('123456\n')])).toEqual([{ fault: 'too long' }]);
    expect(readAll(5, [Buffer.from('123'), Buffer.from('456')])).toEqual([{ fault: 'too long' }]);
    expect(readAll(5, [Buffer.from('éé\nééé\n')])).toEqual([{ line: 'éé' }, { fault: 'too long' }]);
  });

  it('that are not UTF-8 are reported as such and those after them are read', () => {
    const bytes = Buffer.concat([Buffer.from('"a'), Buffer.from([0xc3, 0x28, 0xff, 0x0a]), Buffer.from('{}\n')]);
    expect(readAll(100, [bytes])).toEqual([{ fault: 'not UTF-8' }, { line: '{}' }]);
  });

  it('are counted as long as they have not ended', () => {
    const reader = new LineReader(100);
    expect([...reader.take(Buffer.from('abc'))]).toEqual([]);
    expect(reader.pending).toBe(3);
    expect([...reader.take(Buffer.from('d\ne'))]).toEqual([{ line: 'abcd' }]);
    expect(reader.pending).toBe(1);
  });
});
