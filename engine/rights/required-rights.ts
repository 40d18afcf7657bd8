/** The needs of the recoveries of a configuration: of a cloud and of mail servers. Pure. */

import type { Configuration } from '#config/configuration.ts';
import type { DriverName } from '#config/pipelines/drivers/drivers.ts';
import { OWNERS } from '#config/pipelines/drivers/mail.ts';
import { placedTasks } from '#config/pipelines/pipelines.ts';
import { type MailServer, serverOf } from '../task-drivers/mail/server.ts';
import { actionsOf } from '../task-drivers/recovery-action/actions.ts';

export interface WorkflowNeed {
  readonly task: string;
  /** Undefined if the name is a template. */
  readonly workflow: string | undefined;
  /** The task creates the workflow if Mistral does not have it. */
  readonly isDefined: boolean;
}

export interface Needs {
  /** Aggregates are changed: `add_reserved_host_to_aggregate` and a reserved host. */
  readonly aggregates: boolean;
  /** Tasks that write to the owners of instances. */
  readonly ownerTasks: readonly string[];
  /** Workflows of Mistral: tasks of their own, and actions of chains. */
  readonly workflows: readonly WorkflowNeed[];
  readonly mailServers: readonly (MailServer & { readonly task: string })[];
}

/** Only tasks of some list count. */
export function needsOf({ pipelines, customTasks, segments, options }: Configuration): Needs {
  const names = [...new Set(placedTasks(pipelines).map(({ name }) => name))];
  const of = (driver: DriverName) =>
    names.flatMap((task) => {
      const custom = customTasks.get(task)?.task;
      return custom?.driver === driver ? [{ task, options: custom.options }] : [];
    });
  return {
    aggregates:
      options.hostFailure.addReservedHostToAggregate && segments.some(({ reservedHosts }) => reservedHosts.length > 0),
    ownerTasks: of('mail')
      .filter(({ options: { to } }) => String(to).trim() === OWNERS)
      .map(({ task }) => task),
    workflows: [
      ...of('mistral').map(({ task, options: { workflowName, definitionFile } }) =>
        workflowOf(task, workflowName, definitionFile),
      ),
      ...of('recovery_action').flatMap(({ task, options: { actions } }) =>
        actionsOf(actions ?? null)
          .filter(({ name }) => name === 'WORKFLOW')
          .map(({ params }) => workflowOf(task, params.workflow_name, params.definition_file)),
      ),
    ],
    mailServers: of('mail').map(({ task, options: mail }) => ({ task, ...serverOf(mail) })),
  };
}

function workflowOf(task: string, name: unknown, definitionFile: unknown): WorkflowNeed {
  const workflow = String(name);
  return { task, workflow: workflow.includes('{{') ? undefined : workflow, isDefined: Boolean(definitionFile) };
}
