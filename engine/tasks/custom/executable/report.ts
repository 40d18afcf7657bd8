/** One line of a program's stdout as what it means; the contract of custom tasks. Pure. */
import * as v from 'valibot';
import type { Value } from '#config/expression.ts';
import { plain } from './plain-text.ts';

export interface Report {
  readonly message?: string;
  /** 0–1. */
  readonly progress?: number;
  readonly outputs?: ReadonlyMap<string, Value>;
  /** It asks for the end of the flow: there is nothing to recover (`skip`), or the failure is none to recover (`ignore`). */
  readonly end?: 'skip' | 'ignore';
}

/** Of a message; longer ones are cut. */
const MAX_MESSAGE = 500;

const REPORT = v.object({
  message: v.optional(v.string()),
  progress: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  outputs: v.optional(
    v.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)),
  ),
  end: v.optional(v.picklist(['skip', 'ignore'])),
});

/** Undefined: the line is nothing of the contract. */
export function readReport(line: string): Report | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
    // Parsing has no limit of depth, writing into the journal has one.
    JSON.stringify(json);
  } catch {
    return undefined;
  }
  if (Array.isArray(json)) return undefined;
  const parsed = v.safeParse(REPORT, json);
  if (!parsed.success) return undefined;
  const { message, progress, outputs, end } = parsed.output;
  if (message === undefined && progress === undefined && outputs === undefined && end === undefined) return undefined;
  return {
    ...(message === undefined ? {} : { message: plain(message, MAX_MESSAGE) }),
    ...(progress === undefined ? {} : { progress }),
    ...(outputs === undefined ? {} : { outputs: new Map(Object.entries(outputs)) }),
    ...(end === undefined ? {} : { end }),
  };
}
