/** Options of a task that is a JavaScript or TypeScript module: driver = module. */

import { text } from '../../options/kinds.ts';
import { TASK_FILE } from '../task-paths.ts';
import type { DriverForm } from './driver-form.ts';

export const moduleTask: DriverForm = {
  options: { module: text('module', '', TASK_FILE, 'The file of the module: .js, .mjs, .ts or .mts.') },
  required: ['module'],
  templates: [],
  paths: ['module'],
  parameters: 'own',
  afterCrash: ['once', 'check', 'idempotent'],
  undo: 'possible',
  check({ module }) {
    const file = typeof module === 'string' ? module : '';
    if (!/\.(js|mjs|ts|mts)$/.test(file)) {
      return { field: 'module', fault: `"module" takes a file whose name ends in .js, .mjs, .ts or .mts` };
    }
    // Node strips types nowhere else.
    if (/\.m?ts$/.test(file) && file.includes('/node_modules/')) {
      return {
        field: 'module',
        fault: '"module" cannot be TypeScript in a folder node_modules; compile it, or put it elsewhere',
      };
    }
    return undefined;
  },
};
