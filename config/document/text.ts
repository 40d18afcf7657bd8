/** From the bytes of a file to its lines. What is no plain UTF-8 text of sensible size is refused. */

import { MAX_FILE_BYTES } from './files.ts';
import { errorAt, type Problem } from './problem.ts';

export type Lines = { readonly lines: readonly string[] } | { readonly problem: Problem };

/** Accepts a byte order mark, and lines that end in LF, CRLF or CR. */
export function linesOf(file: string, bytes: Uint8Array): Lines {
  const start = { file, line: 1, column: 1 };
  if (bytes.length > MAX_FILE_BYTES) {
    return { problem: errorAt(start, `the file is larger than ${MAX_FILE_BYTES} bytes; this is no configuration`) };
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { problem: errorAt(firstInvalid(file, bytes), 'this is no valid UTF-8; save the file as UTF-8') };
  }
  const lines = text.split(/\r\n|\n|\r/);
  const index = lines.findIndex((line) => line.includes('\0'));
  if (index >= 0) {
    const column = (lines[index] ?? '').indexOf('\0') + 1;
    return { problem: errorAt({ file, line: index + 1, column }, 'a NUL byte; this is no text file') };
  }
  return { lines };
}

/** The position of the first invalid byte: the text before it decodes, the text that includes it does not. */
function firstInvalid(file: string, bytes: Uint8Array) {
  const decodes = (length: number) => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (decodes(middle)) good = middle;
    else bad = middle;
  }
  const before = new TextDecoder().decode(bytes.subarray(0, good)).split(/\r\n|\n|\r/);
  return { file, line: before.length, column: (before.at(-1) ?? '').replaceAll('\uFFFD', '').length + 1 };
}
