import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, Lines } from './lines.ts';

interface Text {
  readonly text: string;
  readonly end: Line['end'];
}

function linesOf(chunks: readonly Buffer[], lineBytes: number): Text[] {
  const found: Text[] = [];
  const lines = new Lines(lineBytes, ({ bytes, end }) => found.push({ text: bytes.toString('utf8'), end }));
  for (const chunk of chunks) lines.take(chunk);
  lines.end();
  return found;
}

describe('lines', () => {
  it('are the same wherever the stream is cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'ü', '\n', '€') }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 6 }),
        (texts, lineBytes) => {
          const bytes = Buffer.from(texts.join(''));
          const whole = linesOf([bytes], lineBytes);
          expect(
            linesOf(
              Array.from(bytes, (byte) => Buffer.from([byte])),
              lineBytes,
            ),
          ).toEqual(whole);
          expect(whole.every(({ text }) => Buffer.byteLength(text) <= lineBytes * 3)).toBe(true);
        },
      ),
    );
  });

  it('longer than they may be are given once, cut', () => {
    expect(linesOf([Buffer.from('abcdef'), Buffer.from('ghi\nxyz\n\nabc')], 3)).toEqual([
      { text: 'abc', end: 'cut' },
      { text: 'xyz', end: 'whole' },
      { text: '', end: 'whole' },
      { text: 'abc', end: 'whole' },
    ]);
  });
});
