/** Options of a task that is a workflow of Mistral: driver = mistral. */
import type { DriverForm } from './driver-form.ts';
import { text } from './kinds.ts';
import { OPTIONAL_TASK_FILE } from './task-paths.ts';
import { structure, template } from './template-kinds.ts';

export const mistralTask: DriverForm = {
  options: {
    workflowName: template('workflow_name', '', 'The name or id of the workflow.'),
    inputs: structure('inputs', {}, 'What the workflow is given.'),
    definitionFile: text(
      'definition_file',
      '',
      OPTIONAL_TASK_FILE,
      'File of the workflow; it is created where Mistral does not have it.',
    ),
  },
  required: ['workflowName'],
  templates: ['workflowName', 'inputs'],
  paths: ['definitionFile'],
  parameters: 'none',
  // An execution has an id of our own, so Mistral itself knows whether it was begun.
  afterCrash: ['check'],
  undo: 'cancels',
  check({ inputs }) {
    const isStructure = inputs !== null && typeof inputs === 'object' && !Array.isArray(inputs);
    return isStructure ? undefined : { field: 'inputs', fault: '"inputs" takes names with values: {name: value}' };
  },
};
