/**
 * Tasks that are JavaScript or TypeScript modules: the meaning of the end of a call for the task. protocol/task-module.ts is the contract
 * of a module.
 *
 * Invariant: a run whose response was lost never counts as not done.
 */
import * as v from 'valibot';
import { faultOfFile } from '#protocol/trusted-path.ts';
import { IgnoreRecovery, InDoubt, NotDone, SkipRecovery, TaskFailure } from '../../flow/outcome.ts';
import type { Values } from '../../flow/plan.ts';
import { type CheckResult, type Driver, type DriverCall, missingOutputs } from '../driver.ts';
import { callModule } from './module-process.ts';
import type { CalledFunction, End } from './wire.ts';

export const moduleDriver: Driver = {
  steps: 'one',
  async run(call) {
    const outputs = outputsOf(await calling('run', call));
    const missing = missingIn(call, outputs);
    // It was done: a failed check of the outputs must not run it again.
    if (missing) throw new InDoubt(`its module succeeded without ${missing}, which it provides`);
    return outputs;
  },
  async check(call) {
    const decision = decisionOf(await calling('check', call));
    const missing = decision.state === 'done' ? missingIn(call, decision.outputs) : undefined;
    return missing ? { state: 'unknown', reason: `its module reports that it was done, but not ${missing}` } : decision;
  },
  undo: async (call) => {
    answerOf(await calling('undo', call));
  },
};

function missingIn({ definition }: DriverCall, outputs: Values): string | undefined {
  return missingOutputs(definition, new Set(Object.keys(outputs)));
}

function calling(name: CalledFunction, call: DriverCall): Promise<End> {
  const { task, occurrence, phase, stepKey, attempt, isResumed, inputs, parameters, outputs, options, context } = call;
  const module = String(options.module);
  const fault = faultOfFile(module);
  if (fault) throw new NotDone(fault);
  const facts = {
    task,
    occurrence,
    phase,
    step_key: stepKey,
    attempt,
    resumed: isResumed,
    inputs,
    parameters,
    outputs,
  };
  return callModule({ function: name, module, call: { version: 1, ...facts } }, context);
}

/** The JSON of its return value. Throws its error, converted for the runner of flows. */
function answerOf(end: End): string {
  switch (end.end) {
    case 'returned':
      return end.json;
    case 'not called':
      throw new NotDone(end.message);
    case 'lost':
      throw new InDoubt(end.message);
    case 'threw':
      switch (end.as) {
        case 'failed':
          throw new TaskFailure(end.message);
        case 'not done':
          throw new NotDone(end.message);
        case 'in doubt':
          throw new InDoubt(end.message);
        case 'skip recovery':
          throw new SkipRecovery(end.message);
        case 'ignore recovery':
          throw new IgnoreRecovery(end.message);
      }
  }
}

/** The thread always returns an object. */
function outputsOf(end: End): Values {
  return JSON.parse(answerOf(end)) as Values;
}

const OUTPUTS = v.custom<Values>((given) => typeof given === 'object' && given !== null && !Array.isArray(given));
const RESULT = v.variant('state', [
  v.object({ state: v.literal('done'), outputs: v.optional(OUTPUTS, {}) }),
  v.object({ state: v.literal('not done') }),
  v.object({ state: v.literal('unknown'), reason: v.string() }),
]);

/** A failed check knows nothing yet: it is called again in the next attempt, and nothing is done before it has responded. */
function decisionOf(end: End): CheckResult {
  if (end.end !== 'returned') throw new TaskFailure(`its check failed: ${end.message}`);
  const read = v.safeParse(RESULT, JSON.parse(end.json));
  if (!read.success) {
    throw new TaskFailure(
      "its check returned neither {state: 'done'}, {state: 'not done'} nor {state: 'unknown', reason}",
    );
  }
  return read.output;
}
