/** What a program prints, line by line into a log, at most so much of it; the rest is read and dropped, so that it never blocks. */
import type { Readable } from 'node:stream';
import { MAX_LINE } from './wire.ts';

export interface LineBudget {
  /** Lines that may still be told. */
  left: number;
}

/** @param budget shared with the other streams of the same program */
export function tellLines(stream: Readable, budget: LineBudget, tell: (line: string) => void): void {
  let begun = '';
  let isCut = false;
  const end = (): void => {
    const line = begun.trimEnd();
    begun = '';
    isCut = false;
    if (line === '') return;
    budget.left -= 1;
    if (budget.left > 0) tell(line);
    else if (budget.left === 0) tell('(what it prints from here on is dropped: too many lines)');
  };
  stream.setEncoding('utf8').on('data', (text: string) => {
    if (budget.left <= 0) return;
    const [first = '', ...lines] = text.split('\n');
    const add = (part: string): void => {
      if (isCut) return;
      begun += part;
      if (begun.length <= MAX_LINE) return;
      begun = `${begun.slice(0, MAX_LINE - 1)}…`;
      isCut = true;
    };
    add(first);
    for (const line of lines) {
      end();
      add(line);
    }
  });
  stream.on('end', end);
  // A pipe that breaks has nothing more to say.
  stream.on('error', () => {});
}
