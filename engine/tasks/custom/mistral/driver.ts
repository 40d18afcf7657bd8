/** Tasks that are workflows of Mistral: `driver = mistral`. */

import type { Driver } from '../driver.ts';
import { TASK_STEP } from '../task-step.ts';
import { provideWorkflow } from './definition.ts';
import { runWorkflow } from './workflow-run.ts';

export const mistralDriver: Driver = {
  steps: 'own',
  async run({ task, stepKey, options, definition, context }) {
    const { workflowName, inputs = {}, definitionFile } = options;
    const name = String(workflowName);
    if (definitionFile) await provideWorkflow(context, name, String(definitionFile));
    return runWorkflow(context, {
      // An operator settles a doubt about it as one about any other task.
      key: `${TASK_STEP}:${task}`,
      kind: TASK_STEP,
      object: task,
      stepKey,
      workflowName: name,
      inputs,
      provides: definition.provides,
    });
  },
};
