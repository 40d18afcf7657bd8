import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect, it } from 'vitest';
import { sendLines } from './output-lines.ts';
import { MAX_LINE } from './wire.ts';

/** The lines that are logged of consecutive pieces. */
async function reported(pieces: readonly (string | Buffer)[], left = 100): Promise<string[]> {
  const lines: string[] = [];
  const stream = new PassThrough();
  sendLines(stream, { left }, (line) => lines.push(line));
  for (const piece of pieces) stream.write(piece);
  stream.end();
  await finished(stream);
  return lines;
}

it('logs lines from any pieces, and the last one without an end', async () => {
  expect(await reported(['on', 'e\ntw', 'o\r\n\n  \nthree'])).toEqual(['one', 'two', 'three']);
});

it('puts together a character that was cut', async () => {
  const bytes = Buffer.from('für\n');
  expect(await reported([bytes.subarray(0, 2), bytes.subarray(2)])).toEqual(['für']);
});

it('cuts a line that is too long, and continues with the next', async () => {
  const [long = '', next] = await reported(['x'.repeat(MAX_LINE), 'yyy', 'z'.repeat(1e6), '\nnext\n']);
  expect([long.length, long.endsWith('x…'), next]).toEqual([MAX_LINE, true, 'next']);
});

it('reports once that it drops the rest, and reads it all the same', async () => {
  expect(await reported(['1\n2\n3\n4\n', 'x'.repeat(1e6), '\n5\n'], 3)).toEqual([
    '1',
    '2',
    '(output from here on is dropped: too many lines)',
  ]);
});
