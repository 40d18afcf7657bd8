/** What commands print: tables for people, JSON for scripts; colours only on a terminal that wants them. */
import { styleText } from 'node:util';
import Table from 'cli-table3';

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** ASCII frames, as OpenStack's own command line draws them. */
const FRAME = {
  top: '-',
  'top-mid': '+',
  'top-left': '+',
  'top-right': '+',
  bottom: '-',
  'bottom-mid': '+',
  'bottom-left': '+',
  'bottom-right': '+',
  left: '|',
  'left-mid': '+',
  mid: '-',
  'mid-mid': '+',
  right: '|',
  'right-mid': '+',
  middle: '|',
} as const;

export function table(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const drawn = new Table({ head: [...head], chars: FRAME, style: { head: [], border: [], compact: true } });
  for (const row of rows) drawn.push(row.map((cell) => (cell === null ? '-' : clean(String(cell)))));
  return drawn.toString();
}

/** No control characters: what comes from outside must not steer the terminal. */
function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ');
}

const STATE_COLOURS: Readonly<Record<string, 'green' | 'red' | 'yellow' | 'cyan'>> = {
  finished: 'green',
  moved: 'green',
  SUCCESS: 'green',
  failed: 'red',
  error: 'red',
  FAILURE: 'red',
  unknown: 'red',
  running: 'cyan',
  moving: 'cyan',
  RUNNING: 'cyan',
  new: 'cyan',
  ignored: 'yellow',
};

export function coloured(state: string): string {
  const colour = STATE_COLOURS[state];
  return colour ? styleText(colour, state, { stream: process.stdout }) : state;
}

/** Local-independent, short: `2026-11-21 08:05:44`. */
export function shortTime(iso: string | null): string | null {
  return iso === null ? null : iso.replace('T', ' ').replace(/\.\d+Z$/, '');
}
