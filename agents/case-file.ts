/**
 * Reads a case that `why --export` printed, and takes the gate decisions of it.
 *
 * The file is from outside: its size is bounded, and its fields are checked. Other entries of the history are not read.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import * as v from 'valibot';
import { recordedFacts } from '#engine/gates/recorded-facts.ts';
import type { RecordedGates } from '#engine/gates/replay.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { printableShort } from '#protocol/printable.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

/** More than all decisions and audit entries of a recovery with facts of the maximum size. */
const MAX_CASE_BYTES = 8 * 1024 * 1024;

const entry = v.looseObject({ entry: v.string('must be a text'), kind: v.string('must be a text') });
const gateEntry = v.object({
  time: v.pipe(v.string('must be a text'), v.isoTimestamp('is no time (ISO 8601, UTC)')),
  outcome: v.picklist(['hold', 'pass'], 'must be hold or pass'),
  rule: v.nullable(v.pipe(v.string('must be a text'), v.maxLength(100, 'is longer than 100 characters'))),
  facts: recordedFacts,
});
const caseFile = v.looseObject({
  format: v.literal('recovery-agent-case', 'is not recovery-agent-case: the file is no exported case'),
  format_version: v.literal(1, 'is not 1: a program of another version exported the file'),
  history: v.pipe(v.array(entry, 'must be a list'), v.maxLength(1_000, 'has more than 1000 entries')),
});

/** The recorded gate decisions, oldest first. Throws `CommandFailure`. */
export function readCase(path: string): readonly RecordedGates[] {
  const content = check(caseFile, parse(path, readBounded(path)), path, '');
  return content.history.flatMap((one, index): RecordedGates[] => {
    if (one.entry !== 'decision' || one.kind !== 'gate') return [];
    const { time, outcome, rule, facts } = check(gateEntry, one, path, `history.${index}.`);
    return [{ time, outcome, gate: rule, facts }];
  });
}

function readBounded(path: string): string {
  const buffer = Buffer.alloc(MAX_CASE_BYTES + 1);
  let length = 0;
  try {
    const file = openSync(path, 'r');
    try {
      for (;;) {
        const read = readSync(file, buffer, length, buffer.length - length, null);
        length += read;
        if (read === 0 || length > MAX_CASE_BYTES) break;
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new CommandFailure(EXIT.usage, `the case ${path} cannot be read: ${errorMessage(error)}`, error);
  }
  if (length > MAX_CASE_BYTES) throw fault(path, `it is larger than ${MAX_CASE_BYTES / 1024 / 1024} MiB`);
  return buffer.toString('utf8', 0, length);
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fault(path, `it is not JSON: ${printableShort(errorMessage(error), 200)}`);
  }
}

/** @param prefix of the path of a field in the file */
function check<S extends v.GenericSchema>(schema: S, value: unknown, path: string, prefix: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = `${prefix}${v.getDotPath(issue) ?? ''}` || 'it';
  throw fault(path, `${printableShort(field, 200)} ${issue.received === 'undefined' ? 'is missing' : issue.message}`);
}

function fault(path: string, what: string): CommandFailure {
  return new CommandFailure(EXIT.usage, `the case ${path} is refused: ${what}`);
}
