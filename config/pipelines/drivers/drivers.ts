/** The drivers of custom tasks, by name: the options that each of them accepts. */

import type { DriverForm } from './driver-form.ts';
import { executableTask } from './executable.ts';
import { mailTask } from './mail.ts';
import { mistralTask } from './mistral.ts';
import { moduleTask } from './module.ts';
import { recoveryActionTask } from './recovery-action.ts';
import { webhookTask } from './webhook.ts';

export const DRIVERS = {
  executable: executableTask,
  module: moduleTask,
  webhook: webhookTask,
  mail: mailTask,
  mistral: mistralTask,
  recovery_action: recoveryActionTask,
} as const satisfies Readonly<Record<string, DriverForm>>;

export type DriverName = keyof typeof DRIVERS;
