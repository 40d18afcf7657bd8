/** Parses one line of a program's stdout; the contract of custom tasks. Pure. */
import * as v from 'valibot';
import type { Value } from '#config/expressions/expression.ts';
import { printableShort } from '#protocol/printable.ts';

export interface Report {
  readonly message?: string;
  /** 0–1. */
  readonly progress?: number;
  readonly outputs?: ReadonlyMap<string, Value>;
  /** A request to end the flow: there is nothing to recover (`skip`), or the failure is none to recover (`ignore`). */
  readonly end?: 'skip' | 'ignore';
}

/** Of a message; longer ones are cut. */
const MAX_MESSAGE = 500;

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const SHARE = '"progress" takes a number from 0 to 1';
const REPORT = v.object({
  message: v.optional(v.string('"message" takes a text')),
  progress: v.optional(v.pipe(v.number(SHARE), v.minValue(0, SHARE), v.maxValue(1, SHARE))),
  outputs: v.optional(v.custom<object>(isObject, '"outputs" takes an object')),
  end: v.optional(v.picklist(['skip', 'ignore'], '"end" takes "skip" or "ignore"')),
});

/** Why a line violates the contract: it completes "it printed …", and contains nothing of the line. */
export interface ReportFault {
  readonly fault: string;
}

const NO_OBJECT: ReportFault = { fault: 'no JSON object' };
const faultOf = (why: string): ReportFault => ({ fault: `a JSON object without effect: ${why}` });

export function readReport(line: string): Report | ReportFault {
  let json: unknown;
  try {
    json = JSON.parse(line);
    // Parsing has no depth limit, writing into the journal has one.
    JSON.stringify(json);
  } catch {
    return NO_OBJECT;
  }
  if (!isObject(json)) return NO_OBJECT;
  const parsed = v.safeParse(REPORT, json);
  if (!parsed.success) return faultOf(parsed.issues[0].message);
  const { message, progress, outputs, end } = parsed.output;
  if (message === undefined && progress === undefined && outputs === undefined && end === undefined)
    return faultOf('it has none of "message", "progress", "outputs" and "end"');
  return {
    ...(message === undefined ? {} : { message: printableShort(message, MAX_MESSAGE) }),
    ...(progress === undefined ? {} : { progress }),
    ...(outputs === undefined ? {} : { outputs: new Map(Object.entries(outputs)) }),
    ...(end === undefined ? {} : { end }),
  };
}
