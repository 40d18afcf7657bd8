/**
 * Secrets that a definition refers to (`file:PATH`, `env:NAME`), for one call of a task.
 *
 * Invariants:
 * - a secret is read when the task is called, so that it can be replaced, and is in nothing that outlives the call: the plan, the journal
 *   and `show` have the reference;
 * - all that the task prints, returns or throws is passed through `redact` first: progress, outputs, messages and log lines contain no
 *   secret of the call;
 * - only the definition contains references. A value that was filled in is a text, even if it resembles a reference.
 */

import { readSecret } from '#config/document/secret-file.ts';
import type { Value } from '#config/expressions/expression.ts';
import { isSecretName, secretReference } from '#config/pipelines/clear-secrets.ts';
import type { DriverForm } from '#config/pipelines/drivers/driver-form.ts';
import { DRIVERS } from '#config/pipelines/drivers/drivers.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { Redaction } from '#protocol/redaction.ts';
import { NotDone, TaskFailure } from '../flow/outcome.ts';
import type { CheckResult, Driver, DriverCall, ProgramContext } from './driver.ts';

/** Redacting a shorter secret would hide half of every text; no secret worth hiding is so short. */
const SHORTEST_REDACTED = 4;

/** The driver, called with the secrets themselves. */
export function withSecrets<Context extends ProgramContext>(driver: Driver<Context>): Driver<Context> {
  const { check, undo } = driver;
  return {
    steps: driver.steps,
    run: (call) =>
      guarded(
        call,
        (own) => driver.run(own),
        (outputs, redact) => inside(outputs, redact),
      ),
    ...(check ? { check: (call) => guarded(call, (own) => check.call(driver, own), redactedDecision) } : {}),
    ...(undo
      ? {
          undo: (call) =>
            guarded(
              call,
              (own) => undo.call(driver, own),
              () => {},
            ),
        }
      : {}),
  };
}

type Redact = (text: string) => string;

async function guarded<T, Context extends ProgramContext>(
  call: DriverCall<Context>,
  work: (own: DriverCall<Context>) => Promise<T>,
  clean: (result: T, redact: Redact) => T,
): Promise<T> {
  const secrets = new Set<string>();
  const own = resolved(call, secrets);
  if (secrets.size === 0) return work(call);
  const redaction = new Redaction([...secrets].filter((secret) => secret.length >= SHORTEST_REDACTED));
  const redact: Redact = (text) => redaction.redact(text);
  const { context } = call;
  try {
    const result = await work({
      ...own,
      context: {
        ...context,
        progress: (message, share) => context.progress(redact(message), share),
        log: (level, message, fields = {}) =>
          context.log(
            level,
            redact(message),
            Object.fromEntries(
              Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? redact(value) : value]),
            ),
          ),
      },
    });
    return clean(result, redact);
  } catch (error) {
    if (error instanceof Error) redactError(error, redaction);
    throw error;
  }
}

/** In place: the class of an error determines the outcome of the task. */
function redactError(error: Error, redaction: Redaction): void {
  error.message = redaction.redact(error.message);
  if (error.stack !== undefined) error.stack = redaction.redact(error.stack);
  if (error.cause !== undefined) error.cause = redaction.cause(error.cause);
  if (error instanceof TaskFailure) {
    Object.assign(error, { outputs: inside(error.outputs, (text) => redaction.redact(text)) });
  }
}

function redactedDecision(decision: CheckResult, redact: Redact): CheckResult {
  switch (decision.state) {
    case 'done':
      return { ...decision, outputs: inside(decision.outputs, redact) };
    case 'unknown':
      return { ...decision, reason: redact(decision.reason) };
    case 'not done':
      return decision;
  }
}

/** Every text inside a value, names included. */
function inside<T extends Value>(value: T, redact: Redact): T {
  const clean = (one: Value): Value => {
    if (typeof one === 'string') return redact(one);
    if (Array.isArray(one)) return one.map((item: Value) => clean(item));
    if (one === null || typeof one !== 'object') return one;
    return Object.fromEntries(Object.entries(one).map(([name, item]) => [redact(name), clean(item)]));
  };
  return clean(value) as T;
}

/** @param secrets receives those that were read */
function resolved<Context extends ProgramContext>(
  call: DriverCall<Context>,
  secrets: Set<string>,
): DriverCall<Context> {
  const { definition } = call;
  const parameters = withReferences(definition.parameters ?? {}, call.parameters, secrets);
  const options: { [field: string]: Value } = { ...call.options };
  const form: DriverForm | undefined = DRIVERS[definition.driver];
  for (const field of form?.references ?? []) {
    const written = definition.options?.[field];
    const filled = call.options[field];
    if (written !== undefined && filled !== undefined) options[field] = withReferences(written, filled, secrets);
  }
  return { ...call, options, parameters: parameters as DriverCall['parameters'] };
}

/**
 * The filled value, with secrets instead of the references in the definition. Filling a value keeps its structure if it has no template.
 */
function withReferences(written: Value, filled: Value, secrets: Set<string>, name = ''): Value {
  if (typeof written === 'string') {
    if (!isSecretName(name) || secretReference(written) === undefined) return filled;
    const secret = read(name, written);
    secrets.add(secret);
    return secret;
  }
  if (Array.isArray(written)) {
    return Array.isArray(filled)
      ? filled.map((item: Value, index) => withReferences(written[index] ?? null, item, secrets, name))
      : filled;
  }
  if (!isStructure(written) || !isStructure(filled)) return filled;
  return Object.fromEntries(
    Object.entries(filled).map(([key, item]) => [key, withReferences(written[key] ?? null, item, secrets, key)]),
  );
}

function isStructure(value: Value): value is { readonly [name: string]: Value } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function read(name: string, written: string): string {
  const reference = secretReference(written);
  if (reference === undefined) return written;
  if (reference.from === 'env') {
    const value = process.env[reference.variable];
    if (value !== undefined && value !== '') return value;
    throw new NotDone(
      `"${name}": the engine has no environment variable ${reference.variable}; set it for the service`,
    );
  }
  try {
    return readSecret(reference.path, `the secret "${name}"`);
  } catch (error) {
    throw new NotDone(errorMessage(error), 'work', error);
  }
}
