/** Options of a task that is a program: driver = executable. */
import type { DriverForm } from './driver-form.ts';
import { OPTIONAL_HOST, text } from './kinds.ts';
import { commandTemplate } from './template-kinds.ts';

export const executableTask: DriverForm = {
  options: {
    command: commandTemplate('command', 'The program and its arguments, as words; no shell sees them.'),
    user: text(
      'user',
      '',
      { ...OPTIONAL_HOST, takes: 'the name of a user, or nothing' },
      'The user that the program runs as; without one that of the engine.',
    ),
  },
  required: ['command'],
  templates: ['command'],
  parameters: 'own',
  afterCrash: ['once', 'check', 'idempotent'],
  undo: 'possible',
};
