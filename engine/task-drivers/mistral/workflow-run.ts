/**
 * Runs a workflow of Mistral as one step: begins it, awaits it, and cancels it when the time of its task is up or its flow
 * goes back.
 *
 * Invariant: one execution at a time, and none beside one that may go on (begun.ts). The intent with its number is on the
 * disk before Mistral is asked; its id follows from that, so asking again after a lost answer begins nothing twice.
 */
import { CloudError } from '../../../cloud/cloud.ts';
import { type Execution, isOver, type Value } from '../../../cloud/workflows.ts';
import { crashPoint } from '../../../crash-points.ts';
import { InDoubt, Interrupted, TaskFailure } from '../../../flow/outcome.ts';
import type { Step } from '../../../flow/step-ledger.ts';
import type { TaskContext, Values } from '../../../flow/task.ts';
import { Patience, patiently } from '../../patience.ts';
import { MAX_OUTPUT_BYTES } from '../custom-task.ts';
import { executionEnd } from './awaiting.ts';
import { type BegunDetail, judgeBegun, lastBegun } from './begun.ts';
import { executionId } from './execution-id.ts';

export interface WorkflowRun {
  /** Of the step in the journal: the same in every flow of the recovery. */
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  /** What the ids of the executions are made of; unique among all recoveries. */
  readonly stepKey: string;
  readonly workflowName: string;
  readonly inputs: Value;
  /** Names of outputs that are kept. */
  readonly provides: readonly string[];
}

/** Upper bound of telling Mistral to cancel, real time: the recovery goes on after it. */
const CANCEL_LIMIT_MS = 10_000;

/** @returns the outputs */
export async function runWorkflow(context: TaskContext, run: WorkflowRun): Promise<Values> {
  const { steps, clock, cloud, signal } = context;
  const earlier = await context.earlierSteps(run.key);
  const [step] = await steps.plan([{ key: run.key, kind: run.kind, object: run.object, before: null }]);
  if (!step) throw new Error('the journal planned no step');
  const begun = lastBegun([...earlier, step]);
  if (begun?.state === 'done') {
    context.progress(`Workflow ${run.workflowName} was done before in this recovery, and is not begun again`, 1);
    return begun.outputs;
  }
  const mayBeThere = begun !== undefined && begun.state !== 'failed' && begun.state !== 'unknown';
  const isThere =
    mayBeThere &&
    (await patiently(context, async () => {
      const found = await cloud.workflows.execution(executionId(run.stepKey, begun.number), { signal });
      return found !== undefined;
    }));
  const verdict = judgeBegun(begun, isThere, clock.now());
  if (verdict.do === 'doubt') throw await doubt(context, step, verdict.reason, { number: begun?.number ?? 0 });
  const { number, since } = verdict;
  const detail = { number, execution: executionId(run.stepKey, number), since };
  try {
    if (verdict.do === 'begin') {
      // What another engine or try asked for may still arrive.
      const asked = begun?.number === number ? 'before' : 'never';
      await begin(context, run, step, { ...detail, confirmed: false }, asked);
    } else {
      context.progress(`Execution ${detail.execution} of workflow ${run.workflowName} was begun before; it is awaited`);
      await steps.settle([{ step, state: 'sent', detail: { ...detail, confirmed: true } }]);
    }
    return await finish(context, run, step, await executionEnd(context, detail.execution));
  } catch (error) {
    if (!signal.aborted || signal.reason instanceof Interrupted) throw error;
    await cancel(context, run, step, detail.execution, `the time of task ${run.object} of recovery-agent was up`);
    throw signal.reason;
  }
}

/**
 * Ends what is under way of it, for a flow that goes back.
 * @throws TaskFailure when Mistral goes on with it
 */
export async function cancelWorkflow(context: TaskContext, run: WorkflowRun): Promise<void> {
  const { cloud, signal } = context;
  const [step] = await context.steps.plan([{ key: run.key, kind: run.kind, object: run.object, before: null }]);
  const id = step?.detail.execution;
  if (!step || typeof id !== 'string' || !isOpen(step)) return;
  await cancel(context, run, step, id, `the flow of task ${run.object} of recovery-agent goes back`);
  if (!isOpen(step)) return;
  const found = await patiently(context, () => cloud.workflows.execution(id, { signal }));
  if (found && !isOver(found.state)) {
    throw new TaskFailure(
      `execution ${id} of workflow ${run.workflowName} could not be cancelled; it is ${found.state}`,
    );
  }
}

const isOpen = ({ state }: Step): boolean => state === 'intent' || state === 'sent' || state === 'unknown';

/** Asks until Mistral answers; that it is asked twice does no harm. */
async function begin(
  context: TaskContext,
  run: WorkflowRun,
  step: Step,
  detail: BegunDetail,
  asked: 'before' | 'never',
): Promise<void> {
  const { steps, cloud, signal, globalRequestId } = context;
  const { workflowName, inputs, stepKey } = run;
  const patience = new Patience(context);
  const beginning = { id: detail.execution, workflowName, inputs, description: `recovery-agent ${stepKey}` };
  let mayHaveArrived = asked === 'before';
  for (;;) {
    await steps.intend([{ step, detail }]);
    try {
      const { id, requestId } = await cloud.workflows.begin(beginning, { signal, globalRequestId });
      crashPoint('step.after-call');
      if (id !== detail.execution) {
        // Before version 6 (Queens) Mistral chose the id itself, and nothing of ours would find it again.
        throw await doubt(context, step, `Mistral is too old: it began ${workflowName} under an id of its own, ${id}`);
      }
      await steps.settle([{ step, state: 'sent', requestId, detail: { ...detail, confirmed: true } }]);
      crashPoint('step.after-sent');
      context.progress(`Execution ${detail.execution} of workflow ${workflowName} began`, 0.1);
      return;
    } catch (error) {
      if (error instanceof InDoubt) throw error;
      if (error instanceof CloudError && error.kind === 'unknown') mayHaveArrived = true;
      try {
        await patience.endure(error);
      } catch (end) {
        const isCertain = error instanceof CloudError && !mayHaveArrived && !signal.aborted;
        if (isCertain) await steps.settle([{ step, state: 'failed', error: error.message }]);
        if (isCertain && error.kind === 'not_found') throw unknownWorkflow(workflowName, error);
        throw end;
      }
    }
  }
}

function unknownWorkflow(name: string, error: CloudError): TaskFailure {
  const cure = 'make it, or name its file with "definition_file"';
  return new TaskFailure(`Mistral has no workflow ${name}; ${cure} (${error.message})`, 'work', error);
}

async function finish(
  context: TaskContext,
  { workflowName, provides }: WorkflowRun,
  step: Step,
  execution: Execution | undefined,
): Promise<Values> {
  const { steps } = context;
  if (!execution) throw await doubt(context, step, 'its execution vanished from Mistral while it was awaited');
  const { id, state, stateInfo, output } = execution;
  if (state !== 'SUCCESS') {
    const why = stateInfo ? `: ${stateInfo}` : '';
    const message = `execution ${id} of workflow ${workflowName} ended as ${state}${why}`;
    await steps.settle([{ step, state: 'failed', error: message }]);
    throw new TaskFailure(message);
  }
  const outputs: Values = Object.fromEntries(provides.map((name) => [name, output[name] ?? null]));
  const size = Buffer.byteLength(JSON.stringify(outputs));
  if (size > MAX_OUTPUT_BYTES) {
    // It was done: what has failed is begun again.
    const reason = `it ended well, but its outputs have ${size} bytes, more than ${MAX_OUTPUT_BYTES}`;
    throw await doubt(context, step, reason);
  }
  await steps.settle([{ step, state: 'done', detail: { ...step.detail, outputs } }]);
  return outputs;
}

/** Only an operator can say now; never begun again before. */
async function doubt(
  { steps }: TaskContext,
  step: Step,
  reason: string,
  kept: Partial<BegunDetail> = {},
): Promise<InDoubt> {
  // The doubt of an earlier flow becomes one of this flow, which the operator is asked about.
  if (step.state === 'planned') await steps.intend([{ step, detail: { ...step.detail, ...kept } }]);
  await steps.settle([{ step, state: 'unknown', error: reason }]);
  return new InDoubt(reason);
}

/** What cannot be cancelled stays `sent` in the journal: the next attempt goes on awaiting it instead of another. */
async function cancel(context: TaskContext, run: WorkflowRun, step: Step, id: string, reason: string): Promise<void> {
  const { steps, cloud, globalRequestId } = context;
  const { workflows } = cloud;
  const signal = AbortSignal.timeout(CANCEL_LIMIT_MS);
  const settings = { ...context.settings, outagePatienceMs: CANCEL_LIMIT_MS };
  const bounded = { ...context, signal, settings };
  try {
    const look = () => patiently(bounded, () => workflows.execution(id, { signal }));
    if (!(await look())) {
      context.progress(`Execution ${id} did not begin; should it begin late, the next attempt awaits it`);
      return;
    }
    await patiently(bounded, () => workflows.cancel(id, reason, { signal, globalRequestId }));
    const execution = await look();
    if (!execution || !isOver(execution.state)) return;
    context.progress(`Execution ${id} of workflow ${run.workflowName} was ended: ${execution.state}`);
    if (execution.state === 'SUCCESS') await finish(context, run, step, execution);
    else await steps.settle([{ step, state: 'failed', error: `it was cancelled: ${reason}` }]);
  } catch (error) {
    if (error instanceof InDoubt) throw error;
    const why = error instanceof Error ? error.message : String(error);
    context.progress(`Execution ${id} could not be cancelled and may go on in Mistral: ${why}`);
  }
}
