/** What commands print: tables for people, JSON for scripts; colours only on a terminal that wants them. */
import { styleText } from 'node:util';
import Table from 'cli-table3';
import { printable, printableJson } from '#protocol/printable.ts';

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  print(printableJson(value, 2));
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

/** Longer texts of a table are cut: `--json` has them whole. */
const LONGEST_TEXT = 110;
/** Ends what is cut. */
export const CUT = '…';

export function shorten(text: string, longest = LONGEST_TEXT): string {
  return text.length > longest ? `${text.slice(0, longest - CUT.length)}${CUT}` : text;
}

/** `state`: a word that has a colour. */
export type Cell = string | number | null | { readonly state: string };

function draw(cell: Cell): string {
  if (cell === null) return '-';
  return typeof cell === 'object' ? coloured(cell.state) : printable(String(cell));
}

export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const drawn = new Table({ head: [...head], chars: FRAME, style: { head: [], border: [], compact: true } });
  for (const row of rows) drawn.push(row.map(draw));
  return drawn.toString();
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
  up: 'green',
  healthy: 'green',
  suspected: 'yellow',
  leaving: 'yellow',
  dead: 'red',
  down: 'red',
  crashed: 'red',
  blind: 'red',
  paused: 'yellow',
  unwatched: 'red',
  hung: 'red',
};

/** @param stream where it will be printed: whether that is a terminal decides */
export function coloured(state: string, stream: NodeJS.WriteStream = process.stdout): string {
  const colour = Object.hasOwn(STATE_COLOURS, state) ? STATE_COLOURS[state] : undefined;
  return colour ? styleText(colour, state, { stream }) : printable(state);
}

/** Local-independent, short: `2026-11-21 08:05:44`. */
export function shortTime(iso: string | null): string | null {
  return iso === null ? null : iso.replace('T', ' ').replace(/\.\d+Z$/, '');
}

/** Why a notification waits, or how it ended. */
export function messageOf({
  message,
  parked_reason,
}: {
  readonly message: string | null;
  readonly parked_reason: string | null;
}): string | null {
  return parked_reason === null ? message : `parked: ${parked_reason}`;
}
