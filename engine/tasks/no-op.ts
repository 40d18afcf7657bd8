import type { BuiltInTask } from '../flow/task.ts';

/** Does nothing, successfully. For pipelines that are being tried out, and for lists that must not be empty. */
export const noOp: BuiltInTask = {
  name: 'no_op',
  title: 'Noop',
  requires: [],
  provides: [],
  run: async () => ({}),
};
