/** The calls of programs that a simulation ran for real, as text. Invariant: output of a program cannot control the terminal. */
import { printable } from '#protocol/printable.ts';
import type { ProgramCall } from './program-calls.ts';

/** Number of lines of log and of progress that are shown, the last ones: a traceback has its error at its end. */
const SHOWN_LINES = 30;
/** Longest line, in characters. */
const LONGEST_LINE = 300;
const CUT = '…';

export function describeCalls(calls: readonly ProgramCall[]): string {
  const blocks = calls.flatMap(describeCall).map(line);
  const isCut = blocks.some((text) => text.includes(CUT));
  const note = isCut ? [`Cut text ("${CUT}") is longer with --json.`] : [];
  return ['What your programs did:', ...blocks, ...note].join('\n');
}

function describeCall(one: ProgramCall): string[] {
  const { log, progress, outputs, outputs_dropped, seconds, message } = one;
  const reported = progress.map((step) =>
    step.progress === null ? step.message : `${percent(step.progress)} ${step.message}`,
  );
  return [
    '',
    `${titleOf(one)}: ${one.program.map(quoted).join(' ')}`,
    `  ${one.end}, ${seconds} s${message === null ? '' : `: ${message}`}`,
    ...part('standard error and log', log),
    ...part('progress', reported),
    ...(outputs === null ? [] : [`  outputs: ${JSON.stringify(outputs)}`]),
    ...(outputs_dropped.length === 0
      ? []
      : [`  dropped: ${outputs_dropped.join(', ')}, which "provides" of ${one.task} does not name`]),
  ];
}

function titleOf({ task, call, attempt }: ProgramCall): string {
  const name = call === 'run' ? task : `${task}, ${call}`;
  return attempt > 1 ? `${name}, attempt ${attempt}` : name;
}

/** A word that a shell would split or drop is quoted. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`.padStart(5);
}

function part(name: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const left = lines.length - SHOWN_LINES;
  const first = left > 0 ? [`    ${CUT} (${left} lines before)`] : [];
  return [`  ${name}:`, ...first, ...lines.slice(-SHOWN_LINES).map((text) => `    ${text}`)];
}

function line(text: string): string {
  const shown = printable(text);
  return shown.length > LONGEST_LINE ? `${shown.slice(0, LONGEST_LINE - 1)}${CUT}` : shown;
}
