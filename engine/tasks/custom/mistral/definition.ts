/** The definition of a workflow that Mistral may lack. */
import { open } from 'node:fs/promises';
import { TaskFailure } from '../../../flow/outcome.ts';
import type { TaskContext } from '../../../flow/task.ts';
import { bringAbout } from '../../effect.ts';

/** A definition is some kB. */
const MAX_BYTES = 1024 * 1024;
/** From the creation to the moment when Mistral shows the workflow. */
const SHOWS_WITHIN_MS = 30_000;

/** Creates the workflow from its file unless Mistral has one of that name. */
export async function provideWorkflow(context: TaskContext, workflowName: string, file: string): Promise<void> {
  const { signal, globalRequestId, cloud } = context;
  const { workflows } = cloud;
  await bringAbout<boolean>(context, {
    key: `workflow:${workflowName}`,
    kind: 'create_workflow',
    object: workflowName,
    look: () => workflows.has(workflowName, { signal }),
    before: (isThere) => ({ exists: isThere }),
    judge: (isThere) => (isThere ? 'done' : 'absent'),
    act: async () => {
      context.progress(`Creating workflow ${workflowName} from ${file}`, 0);
      return workflows.create(await readDefinition(file), { signal, globalRequestId });
    },
    onConflict: () => context.progress(`Somebody else created workflow ${workflowName}`),
    waitMs: SHOWS_WITHIN_MS,
    late: () => new TaskFailure(`${file} was given to Mistral, but defines no workflow called ${workflowName}`),
  });
}

/** Whoever can write the file decides what runs with the agent's rights. */
async function readDefinition(file: string): Promise<string> {
  try {
    await using handle = await open(file);
    const { mode, size } = await handle.stat();
    if ((mode & 0o022) !== 0) throw new Error(`others than its owner can write to it; chmod go-w ${file}`);
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_BYTES}`);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TaskFailure(`the definition of the workflow, ${file}, cannot be used: ${reason}`, 'work', error);
  }
}
