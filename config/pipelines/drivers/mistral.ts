/** Options of a task that is a workflow of Mistral: driver = mistral. */

import { structure, template } from '../../expressions/template-kinds.ts';
import { text } from '../../options/kinds.ts';
import { OPTIONAL_TASK_FILE } from '../task-paths.ts';
import type { DriverForm } from './driver-form.ts';

export const mistralTask: DriverForm = {
  options: {
    workflowName: template('workflow_name', '', 'The name or id of the workflow.'),
    inputs: structure('inputs', {}, 'The input values of the workflow.'),
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
  // The engine sets the id of an execution, so Mistral can report whether it was started.
  afterCrash: ['check'],
  undo: 'cancels',
  check({ inputs }) {
    const isStructure = inputs !== null && typeof inputs === 'object' && !Array.isArray(inputs);
    return isStructure ? undefined : { field: 'inputs', fault: '"inputs" takes names with values: {name: value}' };
  },
};
