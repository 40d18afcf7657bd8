/** Options of a task that is a JavaScript or TypeScript module: driver = module. */
import type { DriverForm } from './driver-form.ts';
import { ABSOLUTE_PATH, text } from './kinds.ts';

export const moduleTask: DriverForm = {
  options: { module: text('module', '', ABSOLUTE_PATH, 'The file of the module: .js, .mjs, .ts or .mts.') },
  required: ['module'],
  templates: [],
  parameters: 'own',
  afterCrash: ['once', 'check', 'idempotent'],
  undo: 'possible',
};
