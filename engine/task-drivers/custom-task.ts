/**
 * Runs a task of an operator as a task of the engine: condition, templates, and the step that represents its effect.
 *
 * Invariants:
 * - its program runs only while the journal contains the intent, and its outputs are on the disk before the task counts as done;
 * - a run that an engine failure interrupted is repeated only if the definition allows it: `idempotent`, or its own `check` reports that
 *   it was not done. Otherwise a `once` task is in doubt, and only the operator decides;
 * - a task that was done `once` in a recovery is not run again in another flow or round of it, nor is one that an operator states as done;
 *   a task that a flow left without an outcome is checked in the next flow before it runs again;
 * - each occurrence of a task in a flow is separate: the outcome of one is no evidence about another;
 * - a task that was rolled back counts as not done, in whichever flow it was done; if the rollback failed, the task counts as interrupted.
 */

import { evaluate, isTrue } from '#config/expressions/evaluator.ts';
import type { Value } from '#config/expressions/expression.ts';
import { fillAll, fillText, parseTemplate } from '#config/expressions/template.ts';
import { conditionOf } from '#config/pipelines/custom-tasks.ts';
import type { DriverForm } from '#config/pipelines/drivers/driver-form.ts';
import { DRIVERS } from '#config/pipelines/drivers/drivers.ts';
import { type OccurrenceName, occurrenceOf } from '#config/pipelines/occurrence.ts';
import type { Phase } from '#config/pipelines/pipelines.ts';
import type { CustomTask } from '#config/pipelines/task-definition.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Step } from '../flow/journaled-steps.ts';
import { InDoubt, Interrupted, NotDone, TaskFailure } from '../flow/outcome.ts';
import type { PlannedTask, Values } from '../flow/plan.ts';
import type { EarlierStep } from '../flow/recovery-history.ts';
import type { Task, TaskContext } from '../flow/task.ts';
import type { Driver, DriverCall, LoadDriver } from './driver.ts';
import { TASK_STEP, taskStepKey } from './task-step.ts';

/** Limit of the outputs of one task, as JSON: they go into the journal and into every later task that requires them. */
export const MAX_OUTPUT_BYTES = 256 * 1024;

/** The task that a plan defines; undefined for a built-in one. */
export function customTask({ name, phase, custom }: PlannedTask, load: LoadDriver): Task | undefined {
  if (!custom) return undefined;
  const task = {
    name,
    requires: custom.requires,
    provides: custom.provides,
    run: (context: TaskContext) => run(name, phase, custom, load, context),
  };
  const goesBack = custom.undo || DRIVERS[custom.driver].undo === 'cancels';
  return goesBack ? { ...task, undo: (context) => undo(name, phase, custom, load, context) } : task;
}

async function run(
  name: OccurrenceName,
  phase: Phase,
  custom: CustomTask,
  load: LoadDriver,
  context: TaskContext,
): Promise<Values> {
  if (custom.when !== '' && !isTrue(evaluate(conditionOf(custom.when), context.inputs))) {
    // The journal contains it too: a view of the task must not show it as done.
    const step = await planStep(name, context);
    if (step.state === 'planned') await context.steps.settle([{ step, state: 'skipped' }]);
    context.progress(`Skipped: ${custom.when} does not hold`, 1);
    return promised(custom, {});
  }
  const driver = await load(custom.driver);
  const call = callOf(name, phase, custom, context);
  if (driver.steps === 'own') return promised(custom, await driver.run(call));
  const earlier = custom.afterCrash === 'idempotent' ? [] : await context.history.earlierSteps(taskStepKey(name));
  // Only one of them is open at a time: the state of the last one is valid.
  const last = unchanged(earlier.findLast(({ state }) => state !== 'planned' && state !== 'skipped'));
  const open = last && last.state !== 'done' && last.state !== 'failed' ? last : undefined;
  const isDeclared = last?.detail.said_by === 'operator';
  const done = last?.state === 'done' && (custom.afterCrash === 'once' || isDeclared) ? last : undefined;
  if (!done) return runStep(driver, call, open);
  // From now on it belongs to this flow and is rolled back with it.
  const step = await planStep(name, context);
  if (step.state === 'planned') await context.steps.settle([{ step, state: 'done', detail: done.detail }]);
  context.progress('Done before in this recovery, and not again', 1);
  return promised(custom, outputsIn(done.detail));
}

/** State of the last step of earlier flows after the rollback of that flow. Undefined: none. */
function unchanged(step: EarlierStep | undefined): EarlierStep | undefined {
  // The undo of a flow may concern the work of an earlier flow: no older step counts then either.
  if (!step?.hasUndo) return step;
  if (step.taskState === 'REVERTED') return undefined;
  const isDeclaredNotDone = step.state === 'failed' && step.detail.said_by === 'operator';
  const isHalf = step.taskState === 'REVERT_FAILURE' && !isCutOff(step) && !isDeclaredNotDone;
  return isHalf ? { ...step, state: 'unknown', error: 'its effect could not be rolled back' } : step;
}

async function planStep(name: OccurrenceName, { inputs, steps }: TaskContext): Promise<Step> {
  const object = typeof inputs.host_name === 'string' ? inputs.host_name : name;
  const [step] = await steps.plan([{ key: taskStepKey(name), kind: TASK_STEP, object, before: null }]);
  if (!step) throw new Error('the journal planned no step');
  return step;
}

/** Its end is not in the journal. */
const isCutOff = ({ state }: Pick<EarlierStep, 'state'>): boolean =>
  state === 'intent' || state === 'sent' || state === 'unknown';

/** @param open the step that an earlier flow left without an outcome */
async function runStep(driver: Driver, call: DriverCall, open: EarlierStep | undefined): Promise<Values> {
  const { context, definition, name } = call;
  const { steps } = context;
  const step = await planStep(name, context);
  if (step.state === 'done') return promised(definition, outputsIn(step.detail));
  if (isCutOff(step) || (open && step.state === 'planned')) {
    const found = await afterDeath(driver, call, step, open);
    if (found) return found;
  }
  await steps.intend([{ step }]);
  let outputs: Values;
  try {
    outputs = promised(definition, await driver.run(call));
    const size = Buffer.byteLength(JSON.stringify(outputs));
    // It was done: a failed check of the outputs must not run it again.
    if (size > MAX_OUTPUT_BYTES) throw new InDoubt(`its outputs have ${size} bytes, more than ${MAX_OUTPUT_BYTES}`);
  } catch (error) {
    await settleFailure(error, call, step);
    throw asItMayRunAgain(error, definition);
  }
  await steps.settle([{ step, state: 'done', detail: { outputs } }]);
  return outputs;
}

/** Handles a run that an engine failure or a lost response interrupted. Outputs: it was done. Undefined: it may run again. */
async function afterDeath(
  driver: Driver,
  call: DriverCall,
  step: Step,
  open: EarlierStep | undefined,
): Promise<Values | undefined> {
  const { definition, context } = call;
  const why = step.error ?? open?.error ?? 'it was interrupted';
  const doubtful = async (reason: string): Promise<never> => {
    // The doubt of an earlier flow is copied to this flow, where the operator decides it.
    if (step.state === 'planned') await context.steps.intend([{ step }]);
    // Its outputs, if they are known, count if the operator states that it was done.
    const detail = open ? { detail: { outputs: outputsIn(open.detail) } } : {};
    await context.steps.settle([{ step, state: 'unknown', error: reason, ...detail }]);
    throw new InDoubt(reason);
  };
  switch (definition.afterCrash) {
    case 'idempotent':
      return undefined;
    case 'once':
      return doubtful(`${why}; its outcome is unknown`);
    case 'check': {
      if (!driver.check) return doubtful(`${why}, and its driver cannot check the outcome`);
      const decision = await driver.check({ ...call, isResumed: true });
      if (decision.state === 'unknown')
        return doubtful(`${why}, and its check does not know the outcome: ${decision.reason}`);
      if (decision.state === 'not done') return undefined;
      const outputs = promised(definition, decision.outputs);
      await context.steps.settle([{ step, state: 'done', detail: { outputs } }]);
      return outputs;
    }
  }
}

/** A run that the end of this engine interrupted stays an intent, unless the program itself reports that nothing was done. */
async function settleFailure(error: unknown, { context, definition }: DriverCall, step: Step): Promise<void> {
  // An interrupted run fails with its own error; the reason of the interruption is the relevant one.
  const reported: unknown = context.signal.aborted && !(error instanceof NotDone) ? context.signal.reason : error;
  const message = errorMessage(reported);
  const isCutOff = context.signal.aborted && context.signal.reason instanceof Interrupted;
  if (isCutOff && !(error instanceof NotDone)) return;
  // A run that timed out may have done its work, like one that an engine failure interrupted.
  const isOpen = error instanceof InDoubt || (context.signal.aborted && !(error instanceof NotDone));
  // Its check is called in the next attempt: until then it stays an intent, with the reason of this failure.
  if (isOpen && definition.afterCrash === 'check')
    return context.steps.settle([{ step, state: 'intent', error: message }]);
  const isDoubtful = isOpen && definition.afterCrash === 'once';
  const settled = context.steps.settle([{ step, state: isDoubtful ? 'unknown' : 'failed', error: message }]);
  // An engine that has lost its lease cannot write any more; the intent is sufficient.
  await (isCutOff ? settled.catch(() => {}) : settled);
}

/** After a lost response only a `once` task needs the operator: any other is retried, after its check if it has one. */
function asItMayRunAgain(error: unknown, { afterCrash }: CustomTask): unknown {
  return error instanceof InDoubt && afterCrash !== 'once' ? new TaskFailure(error.message, 'work', error) : error;
}

async function undo(
  name: OccurrenceName,
  phase: Phase,
  custom: CustomTask,
  load: LoadDriver,
  context: TaskContext,
): Promise<void> {
  const driver = await load(custom.driver);
  // A task that was skipped has nothing to undo.
  const step = driver.steps === 'one' ? await planStep(name, context) : undefined;
  if (step && (step.state === 'planned' || step.state === 'skipped')) return;
  await driver.undo?.({ ...callOf(name, phase, custom, context), outputs: step ? outputsIn(step.detail) : {} });
}

function callOf(name: OccurrenceName, phase: Phase, definition: CustomTask, context: TaskContext): DriverCall {
  const values = context.inputs;
  const given = [...context.flowInputs, ...definition.requires];
  return {
    ...occurrenceOf(name),
    name,
    phase,
    stepKey: `${String(values.notification_uuid)}/${name}`,
    attempt: context.attempt,
    isResumed: context.isResumed,
    inputs: Object.fromEntries(given.map((input) => [input, values[input] ?? null])),
    definition,
    ...filledIn(definition, values),
    outputs: {},
    context,
  };
}

/** The options and the parameters of a definition, with the values that it uses. */
export function filledIn(definition: CustomTask, values: Values): Pick<DriverCall, 'options' | 'parameters'> {
  const form: DriverForm = DRIVERS[definition.driver];
  const options = Object.fromEntries(
    Object.entries(definition.options).map(([field, value]) => [
      field,
      form.templates.includes(field)
        ? filled(value, values, form.urls?.includes(field) ? percentEncoded : asItIs)
        : value,
    ]),
  );
  const parameters = Object.fromEntries(
    Object.entries(definition.parameters).map(([parameter, text]) => [parameter, fillAll(text, values)]),
  );
  return { options, parameters };
}

const asItIs = (text: string): string => text;
const percentEncoded = (text: string): string => encodeURIComponent(text.toWellFormed());

/** A text stays a text; in a structure a value keeps its type. */
function filled(value: Value, values: Values, written: (text: string) => string): Value {
  if (typeof value === 'string') return fillText(parseTemplate(value), values, written);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
    return value.map((item: string) => fillText(parseTemplate(item), values));
  }
  return fillAll(value, values);
}

/** One value for each name that the definition provides; null for those that the task did not return. */
function promised({ provides }: CustomTask, outputs: Values): Values {
  return Object.fromEntries(provides.map((name) => [name, outputs[name] ?? null]));
}

function outputsIn(detail: { readonly [name: string]: Value }): Values {
  const { outputs } = detail;
  return outputs !== null && typeof outputs === 'object' && !Array.isArray(outputs) ? (outputs as Values) : {};
}
