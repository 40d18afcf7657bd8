/** Gives Mistral a workflow that it may lack. */
import { TaskFailure } from '../../flow/outcome.ts';
import type { TaskContext } from '../../flow/task.ts';
import { bringAbout } from '../../tasks/convergence.ts';
import { readDefinition } from './definition-file.ts';

/** From the creation to the moment when Mistral shows the workflow. */
const SHOWS_WITHIN_MS = 30_000;

/** Creates the workflow from its file unless Mistral has one of that name. */
export async function provideWorkflow(context: TaskContext, workflowName: string, file: string): Promise<void> {
  const { signal, globalRequestId, cloud } = context;
  const { workflows } = cloud;
  let refusal: string | undefined;
  await bringAbout<boolean>(context, {
    key: `workflow:${workflowName}`,
    kind: 'create_workflow',
    object: workflowName,
    read: () => workflows.has(workflowName, { signal }),
    before: (isThere) => ({ exists: isThere }),
    decide: (isThere) => (isThere ? 'done' : 'absent'),
    act: async () => {
      context.progress(`Creating workflow ${workflowName} from ${file}`, 0);
      const definition = await readDefinition(file, workflowName);
      if ('fault' in definition) throw new TaskFailure(definition.fault);
      return workflows.create(definition.text, { signal, globalRequestId });
    },
    // Another client creates it just now, or the file also defines another one, which exists.
    onConflict: ({ message }) => {
      refusal = message;
      context.progress(`Mistral has a workflow of ${file} already: ${message}`);
    },
    waitMs: SHOWS_WITHIN_MS,
    late: () =>
      new TaskFailure(
        refusal === undefined
          ? `${file} was given to Mistral, but it shows no workflow called ${workflowName}`
          : `Mistral refused ${file} (${refusal}), and shows no workflow called ${workflowName}; give it a file of its own`,
      ),
  });
}
