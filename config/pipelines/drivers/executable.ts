/** Options of a task that is a program: driver = executable. */

import { commandTemplate } from '../../expressions/template-kinds.ts';
import { choice, flag, text } from '../../options/kinds.ts';
import { faultOfTenantWords } from '../argument-injection.ts';
import type { DriverForm } from './driver-form.ts';

export const executableTask: DriverForm = {
  options: {
    command: commandTemplate('command', 'The program and its arguments, as words; no shell sees them.'),
    user: text(
      'user',
      '',
      { takes: 'the name of a user, or nothing', pattern: /^([a-zA-Z0-9_.][a-zA-Z0-9_.@-]{0,254}\$?)?$/ },
      'The user that the program runs as; without one that of the engine.',
    ),
    groups: choice(
      'groups',
      'none',
      ['none', 'account'],
      'Supplementary groups of the program: none, or those that its user has.',
    ),
    no_new_privileges: flag(
      'no_new_privileges',
      true,
      'Whether sudo and other set-user-ID programs give the program no further rights.',
    ),
  },
  required: ['command'],
  templates: ['command'],
  paths: ['command'],
  parameters: 'own',
  afterCrash: ['once', 'check', 'idempotent'],
  undo: 'possible',
  check({ command }) {
    const words = Array.isArray(command) ? command.map(String) : [];
    // A name that a monitor reports must not choose what runs.
    const fault = words[0]?.includes('{{')
      ? '"command" has a value in the path of the program; values are allowed in its arguments'
      : faultOfTenantWords(words);
    return fault === undefined ? undefined : { field: 'command', fault };
  },
};
