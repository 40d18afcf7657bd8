/** Lines of a long log, counted: lines that differ in names and numbers only are one line with its count and its last time. Pure. */
import type { LogLine } from './log.ts';

interface Counted {
  readonly line: LogLine;
  count: number;
  last: number;
}

export class CountedLines {
  readonly #counted = new Map<string, Counted>();

  add(line: LogLine): void {
    const key = `${line.source} ${formOf(line.text)}`;
    const known = this.#counted.get(key);
    if (known) {
      known.count += 1;
      known.last = line.at;
    } else this.#counted.set(key, { line, count: 1, last: line.at });
  }

  /** In the order of the first line of each form. */
  get lines(): readonly LogLine[] {
    return [...this.#counted.values()].map(({ line, count, last }) =>
      count === 1 ? line : { ...line, text: `${formOf(line.text)} (${count} times, last at ${last.toFixed(3)})` },
    );
  }
}

/** Names and numbers of a text are replaced. */
function formOf(text: string): string {
  return text
    .replaceAll(/'[^']*'/g, "'…'")
    .replaceAll(/\b([a-z]+)-\d+\b/gi, '$1-N')
    .replaceAll(/\b\d+(?:\.\d+)?\b/g, 'N');
}
