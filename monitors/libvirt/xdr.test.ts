import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MalformedReply, XdrReader, XdrWriter } from './xdr.ts';

const UUID = '11111111-0000-4000-8000-00000000000f';

test('written values are read back, padded to four bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (text, number) => {
      const bytes = new XdrWriter()
        .text(text)
        .uuid(UUID)
        .int(number)
        .optionalText(undefined)
        .optionalText(text)
        .bytes();
      const reader = new XdrReader(bytes);
      expect(bytes.length % 4).toBe(0);
      expect([reader.text(), reader.uuid(), reader.int(), reader.optionalText(), reader.optionalText()]).toEqual([
        text,
        UUID,
        number,
        undefined,
        text,
      ]);
      expect(reader.remaining).toBe(0);
    }),
  );
});

test('the example of RFC 4506: the text "sillyprog"', () => {
  expect(new XdrWriter().text('sillyprog').bytes().toString('hex')).toBe('0000000973696c6c7970726f67000000');
});

test('nothing is read past the end, for any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const read = (): unknown => {
        const reader = new XdrReader(Buffer.from(bytes));
        return reader.list(1000, (entry) => [entry.text(), entry.optionalText(), entry.hyper()]);
      };
      try {
        read();
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedReply);
      }
    }),
  );
});

test.each([
  ['a text longer than the message', '000000ff61', /too early/],
  ['a text of four gigabytes', 'ffffffff', /announced/],
  ['a text that is not UTF-8', '00000001ff000000', /UTF-8/],
])('%s is refused', (_, hex, words) => {
  expect(() => new XdrReader(Buffer.from(hex, 'hex')).text()).toThrow(words);
});

test('a list longer than the message, or than allowed, is refused before memory is allocated for it', () => {
  expect(() => new XdrReader(Buffer.from('7fffffff', 'hex')).list(2 ** 31, (one) => one.int())).toThrow(/announced/);
  expect(() => new XdrReader(Buffer.from('0000000200000000', 'hex')).list(1, (one) => one.int())).toThrow(/announced/);
});

test('a text that is no UUID is not sent', () => {
  expect(() => new XdrWriter().uuid('1234')).toThrow(/not a UUID/);
});
