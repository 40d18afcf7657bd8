import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, printableJson, printableLines, printableShort } from './printable.ts';

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

describe('a text from outside', () => {
  it.each([
    ['an escape sequence', 'a\u001b[2Jb', 'a [2Jb'],
    ['the C1 form of one', 'a\u009b2Jb', 'a 2Jb'],
    ['a line end', 'a\r\nb', 'a  b'],
    ['the line and paragraph separators', 'a\u2028b\u2029c', 'a b c'],
    ['an override of the direction', 'a\u202egpj.exe', 'a gpj.exe'],
    ['an isolate', 'a\u2066b', 'a b'],
    ['an invisible letter', 'a\u200bb\ufeff', 'a b '],
    ['a tag character', 'a\u{e0041}b', 'a b'],
    ['half a character', 'a\ud800b', 'a b'],
    ['letters of any script', 'größe 東京 шлюз', 'größe 東京 шлюз'],
  ])('%s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('keeps its lines if it may have several, and nothing else', () => {
    expect(printableLines('a\r\nb\u001b[0m\nc')).toBe('a\nb [0m\nc');
  });

  it('is cut at its limit', () => {
    expect(printableShort(` ${'x'.repeat(20)}\n`, 10)).toBe('xxxxxxx...');
    expect(printableShort('short\n', 10)).toBe('short');
  });
});

describe('JSON for a terminal', () => {
  it('has the same meaning and contains no such character, for any content', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (key, text) => {
        const value = { [key]: text, 'a\u202eb': `\u009b2J\u{e0041}${text}`, list: [text, key] };
        expect(JSON.parse(printableJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(printableJson(value)).not.toMatch(UNPRINTABLE);
        expect(printableJson(value, 2).replaceAll('\n', '')).not.toMatch(UNPRINTABLE);
      }),
    );
  });
});
