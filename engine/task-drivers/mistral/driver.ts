/** Tasks that are workflows of Mistral: `driver = mistral`. */

import type { Driver, DriverCall } from '../driver.ts';
import { TASK_STEP, taskStepKey } from '../task-step.ts';
import { provideWorkflow } from './definition.ts';
import { cancelWorkflow, runWorkflow, type WorkflowRun } from './workflow-run.ts';

export const mistralDriver: Driver = {
  steps: 'own',
  async run(call) {
    const { context, options } = call;
    const run = workflowOf(call);
    if (options.definitionFile) await provideWorkflow(context, run.workflowName, String(options.definitionFile));
    return runWorkflow(context, run);
  },
  undo: (call) => cancelWorkflow(call.context, workflowOf(call)),
};

function workflowOf({ name, stepKey, options, definition }: DriverCall): WorkflowRun {
  return {
    // An operator settles a doubt about it as one about any other task.
    key: taskStepKey(name),
    kind: TASK_STEP,
    object: name,
    stepKey,
    workflowName: String(options.workflowName),
    inputs: options.inputs ?? {},
    provides: definition.provides,
  };
}
