/**
 * Tasks that are JavaScript or TypeScript modules: what the end of a call means for the task. The contract that a module is
 * written to is protocol/task-module.ts.
 *
 * Invariant: a run whose answer was lost is never taken for one that was not done.
 */
import * as v from 'valibot';
import { IgnoreRecovery, InDoubt, NotDone, SkipRecovery, TaskFailure } from '../../../flow/outcome.ts';
import type { Values } from '../../../flow/task.ts';
import { type CheckVerdict, type Driver, type DriverCall, missingOutputs } from '../driver.ts';
import { faultOfFile } from '../trusted-file.ts';
import { callModule } from './module-process.ts';
import type { CalledFunction, End } from './wire.ts';

export const moduleDriver: Driver = {
  steps: 'one',
  async run(call) {
    const outputs = outputsOf(await calling('run', call));
    const missing = missingIn(call, outputs);
    // It was done: what has failed may be run again.
    if (missing) throw new InDoubt(`its module ended well without ${missing}, which it provides`);
    return outputs;
  },
  async check(call) {
    const verdict = verdictOf(await calling('check', call));
    const missing = verdict.state === 'done' ? missingIn(call, verdict.outputs) : undefined;
    return missing ? { state: 'unknown', reason: `it was done, says its module, but not ${missing}` } : verdict;
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

/** The JSON of what it returned. Throws what it threw, as the runner of flows knows it. */
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

/** The thread gives an object always. */
function outputsOf(end: End): Values {
  return JSON.parse(answerOf(end)) as Values;
}

const OUTPUTS = v.custom<Values>((given) => typeof given === 'object' && given !== null && !Array.isArray(given));
const VERDICT = v.variant('state', [
  v.object({ state: v.literal('done'), outputs: v.optional(OUTPUTS, {}) }),
  v.object({ state: v.literal('not done') }),
  v.object({ state: v.literal('unknown'), reason: v.string() }),
]);

/** A check that fails knows nothing yet: it is asked again at the next try, and nothing is done before it has answered. */
function verdictOf(end: End): CheckVerdict {
  if (end.end !== 'returned') throw new TaskFailure(`its check failed: ${end.message}`);
  const read = v.safeParse(VERDICT, JSON.parse(end.json));
  if (!read.success) {
    throw new TaskFailure(
      "its check answered neither {state: 'done'}, {state: 'not done'} nor {state: 'unknown', reason}",
    );
  }
  return read.output;
}
