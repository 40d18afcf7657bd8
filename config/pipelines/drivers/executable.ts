/** Options of a task that is a program: driver = executable. */
import type { DriverForm } from './driver-form.ts';
import { text } from './kinds.ts';
import { commandTemplate } from './template-kinds.ts';

export const executableTask: DriverForm = {
  options: {
    command: commandTemplate('command', 'The program and its arguments, as words; no shell sees them.'),
    user: text(
      'user',
      '',
      { takes: 'the name of a user, or nothing', pattern: /^([a-zA-Z0-9_.][a-zA-Z0-9_.@-]{0,254}\$?)?$/ },
      'The user that the program runs as; without one that of the engine.',
    ),
  },
  required: ['command'],
  templates: ['command'],
  paths: ['command'],
  parameters: 'own',
  afterCrash: ['once', 'check', 'idempotent'],
  undo: 'possible',
  check({ command }) {
    const [program] = Array.isArray(command) ? command : [];
    // A name that a monitor reports must not choose what runs.
    return String(program).includes('{{')
      ? {
          field: 'command',
          fault: '"command" has a value in the path of the program; values may stand in its arguments',
        }
      : undefined;
  },
};
