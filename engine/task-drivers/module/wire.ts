/**
 * The messages between the engine, the process of a module and its thread.
 *
 * Invariant: for any module a report has at most the size defined here, and a call has at most MAX_LOG_LINES lines of log and four lines of
 * progress a second.
 */
import * as v from 'valibot';
import { LOG_LEVELS } from '#protocol/log.ts';
import type { Call } from '#protocol/task-module.ts';

/** Maximum time that a module may run after its signal was aborted, ms. */
export const GRACE_MS = 5000;
/** Characters of a line of progress, of log, and of the message of an error. */
export const MAX_LINE = 1000;
/** Lines of log of one call, those on its standard output and error included. */
export const MAX_LOG_LINES = 1000;
/** Minimum time between two lines of progress, ms. */
export const PROGRESS_PACE_MS = 250;
/** Bytes of a response as JSON; the journal accepts less (`MAX_OUTPUT_BYTES`), and reports that itself. */
export const MAX_ANSWER = 1024 * 1024;
/** The heap of the thread, MB. V8 ends the thread when it is full. */
export const HEAP_MB = 256;
/** All other memory too, e.g. buffers, which V8 does not count: MB of memory that the process really uses. */
export const MEMORY_MB = 768;

export const CALLED_FUNCTIONS = ['run', 'check', 'undo'] as const;
export type CalledFunction = (typeof CALLED_FUNCTIONS)[number];

/** The part of a call that can be written as JSON. */
export type CallData = Pick<
  Call,
  'version' | 'task' | 'occurrence' | 'phase' | 'step_key' | 'attempt' | 'resumed' | 'inputs' | 'parameters' | 'outputs'
>;

/** Module: the path of its file. */
export type Work =
  | { readonly function: CalledFunction; readonly module: string; readonly call: CallData }
  /** It is only loaded; it returns the list of those of the functions that it exports. */
  | { readonly function: 'none'; readonly module: string };

/** The engine to the process, and the process to the thread. */
export type Order =
  | { readonly do: 'work'; readonly work: Work }
  /** Reason: of the signal that the module sees. */
  | { readonly do: 'abort'; readonly reason: string };

/** The meaning of an error that a function threw. */
export const THROWN = ['failed', 'not done', 'in doubt', 'skip recovery', 'ignore recovery'] as const;

const LINE = v.pipe(v.string(), v.maxLength(MAX_LINE));

const END = v.variant('end', [
  v.object({ end: v.literal('returned'), json: v.pipe(v.string(), v.maxLength(MAX_ANSWER)) }),
  v.object({ end: v.literal('threw'), as: v.picklist(THROWN), message: LINE }),
  /** The function was never called. */
  v.object({ end: v.literal('not called'), message: LINE }),
  /** It was called, and its outcome is unknown. */
  v.object({ end: v.literal('lost'), message: LINE }),
]);

/** The end of a call. */
export type End = v.InferOutput<typeof END>;

const REPORT = v.variant('is', [
  v.object({ is: v.literal('ready') }),
  v.object({
    is: v.literal('progress'),
    message: LINE,
    fraction: v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  }),
  v.object({ is: v.literal('log'), level: v.picklist(LOG_LEVELS), message: LINE }),
  v.object({ is: v.literal('end'), end: END }),
]);

/** The thread to the process, and the process to the engine. */
export type Report = v.InferOutput<typeof REPORT>;

/** A module can write to these lines itself; an invalid line is ignored. */
export function readReport(message: unknown): Report | undefined {
  const read = v.safeParse(REPORT, message);
  return read.success ? read.output : undefined;
}

/** A text that others wrote, as one line of bounded length. */
export function lineOf(text: unknown): string {
  let line: string;
  try {
    line = String(text)
      .slice(0, 4 * MAX_LINE)
      .replaceAll(/\s*\n\s*/g, ' ')
      .trim();
  } catch {
    line = 'something that has no text';
  }
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1)}…` : line;
}

/** The thrown value, which can be of any type. */
export function messageOf(thrown: unknown): string {
  try {
    return lineOf(thrown instanceof Error ? thrown.message || thrown.name : thrown);
  } catch {
    return 'something that has no text';
  }
}
