/**
 * Runs a workflow of Mistral as one step: starts it, waits for it, and cancels it if its task times out or its flow is rolled back.
 *
 * Invariant: one execution at a time, and none beside one that may still run (`execution-decision.ts`). The intent with its number is on the disk before
 * the request to Mistral. The id of the execution follows from the number, so a repeated request after a lost response starts nothing
 * twice.
 */

import { CloudError } from '#openstack/cloud-error.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { type Execution, isOver, type Value } from '../../cloud/workflows.ts';
import { crashPoint } from '../../crash-points.ts';
import type { Step } from '../../flow/journaled-steps.ts';
import { InDoubt, Interrupted, TaskFailure } from '../../flow/outcome.ts';
import type { Values } from '../../flow/plan.ts';
import type { TaskContext } from '../../flow/task.ts';
import { OutageRetry, withOutageRetry } from '../../tasks/outage-retry.ts';
import { MAX_OUTPUT_BYTES } from '../custom-task.ts';
import { decideExecution, type ExecutionDetail, lastExecution } from './execution-decision.ts';
import { executionId } from './execution-id.ts';
import { executionEnd } from './execution-wait.ts';

export interface WorkflowRun {
  /** Of the step in the journal: the same in every flow of the recovery. */
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  /** The source of the ids of the executions; unique among all recoveries. */
  readonly stepKey: string;
  readonly workflowName: string;
  readonly inputs: Value;
  /** Names of outputs that are kept. */
  readonly provides: readonly string[];
}

/** Maximum time of the request to cancel, real time: the recovery continues after it. */
const CANCEL_LIMIT_MS = 10_000;

/** @returns the outputs */
export async function runWorkflow(context: TaskContext, run: WorkflowRun): Promise<Values> {
  const { steps, clock, cloud, signal } = context;
  const earlier = await context.history.earlierSteps(run.key);
  const [step] = await steps.plan([{ key: run.key, kind: run.kind, object: run.object, before: null }]);
  if (!step) throw new Error('the journal planned no step');
  const started = lastExecution([...earlier, step]);
  if (started?.state === 'done') {
    context.progress(`Workflow ${run.workflowName} was done before in this recovery, and is not started again`, 1);
    return started.outputs;
  }
  const mayBeThere = started !== undefined && started.state !== 'failed' && started.state !== 'unknown';
  const isThere =
    mayBeThere &&
    (await withOutageRetry(context, async () => {
      const found = await cloud.workflows.execution(executionId(run.stepKey, started.number), { signal });
      return found !== undefined;
    }));
  const decision = decideExecution(started, isThere, clock.now());
  if (decision.do === 'doubt') throw await doubt(context, step, decision.reason, { number: started?.number ?? 0 });
  const { number, since } = decision;
  const detail = { number, execution: executionId(run.stepKey, number), since };
  try {
    if (decision.do === 'begin') {
      // The request of another engine or attempt may still arrive.
      const requested = started?.number === number ? 'before' : 'never';
      await begin(context, run, step, { ...detail, confirmed: false }, requested);
    } else {
      context.progress(
        `Execution ${detail.execution} of workflow ${run.workflowName} was started before; waiting for it`,
      );
      await steps.settle([{ step, state: 'sent', detail: { ...detail, confirmed: true } }]);
    }
    return await finish(context, run, step, await executionEnd(context, detail.execution));
  } catch (error) {
    if (!signal.aborted || signal.reason instanceof Interrupted) throw error;
    await cancel(context, run, step, detail.execution, `task ${run.object} of recovery-agent timed out`);
    throw signal.reason;
  }
}

/**
 * Ends its running execution, for a flow that rolls back.
 * @throws TaskFailure if Mistral continues it
 */
export async function cancelWorkflow(context: TaskContext, run: WorkflowRun): Promise<void> {
  const { cloud, signal } = context;
  const [step] = await context.steps.plan([{ key: run.key, kind: run.kind, object: run.object, before: null }]);
  const id = step?.detail.execution;
  if (!step || typeof id !== 'string' || !isOpen(step)) return;
  await cancel(context, run, step, id, `the flow of task ${run.object} of recovery-agent is rolled back`);
  if (!isOpen(step)) return;
  const found = await withOutageRetry(context, () => cloud.workflows.execution(id, { signal }));
  if (found && !isOver(found.state)) {
    throw new TaskFailure(
      `execution ${id} of workflow ${run.workflowName} could not be cancelled; it is ${found.state}`,
    );
  }
}

const isOpen = ({ state }: Step): boolean => state === 'intent' || state === 'sent' || state === 'unknown';

/** Repeats the request until Mistral responds; a repetition does no harm. */
async function begin(
  context: TaskContext,
  run: WorkflowRun,
  step: Step,
  detail: ExecutionDetail,
  requested: 'before' | 'never',
): Promise<void> {
  const { steps, cloud, signal, globalRequestId } = context;
  const { workflowName, inputs, stepKey } = run;
  const outageRetry = new OutageRetry(context);
  const beginning = { id: detail.execution, workflowName, inputs, description: `recovery-agent ${stepKey}` };
  let mayHaveArrived = requested === 'before';
  for (;;) {
    await steps.intend([{ step, detail }]);
    try {
      const { id, requestId } = await cloud.workflows.begin(beginning, { signal, globalRequestId });
      crashPoint('step.after-call');
      if (id !== detail.execution) {
        // Before version 6 (Queens) Mistral chose the id itself, so that we could not find it again.
        throw await doubt(
          context,
          step,
          `Mistral is too old: it started ${workflowName} under an id of its own, ${id}`,
        );
      }
      await steps.settle([{ step, state: 'sent', requestId, detail: { ...detail, confirmed: true } }]);
      crashPoint('step.after-sent');
      context.progress(`Execution ${detail.execution} of workflow ${workflowName} started`, 0.1);
      return;
    } catch (error) {
      if (error instanceof InDoubt) throw error;
      if (error instanceof CloudError && error.kind === 'unknown') mayHaveArrived = true;
      try {
        await outageRetry.waitOut(error);
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
  const cure = 'create it, or name its file with "definition_file"';
  return new TaskFailure(`Mistral has no workflow ${name}; ${cure} (${error.message})`, 'work', error);
}

async function finish(
  context: TaskContext,
  { workflowName, provides }: WorkflowRun,
  step: Step,
  execution: Execution | undefined,
): Promise<Values> {
  const { steps } = context;
  if (!execution) throw await doubt(context, step, 'its execution vanished from Mistral before its end');
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
    // It was done: a failed check of the outputs must not start it again.
    const reason = `it succeeded, but its outputs have ${size} bytes, more than ${MAX_OUTPUT_BYTES}`;
    throw await doubt(context, step, reason);
  }
  await steps.settle([{ step, state: 'done', detail: { ...step.detail, outputs } }]);
  return outputs;
}

/** Only an operator can decide now; it is never started again before. */
async function doubt(
  { steps }: TaskContext,
  step: Step,
  reason: string,
  kept: Partial<ExecutionDetail> = {},
): Promise<InDoubt> {
  // The doubt of an earlier flow is copied to this flow, where the operator decides it.
  if (step.state === 'planned') await steps.intend([{ step, detail: { ...step.detail, ...kept } }]);
  await steps.settle([{ step, state: 'unknown', error: reason }]);
  return new InDoubt(reason);
}

/** An execution that cannot be cancelled stays `sent` in the journal: the next attempt waits for it and starts no other. */
async function cancel(context: TaskContext, run: WorkflowRun, step: Step, id: string, reason: string): Promise<void> {
  const { steps, cloud, globalRequestId } = context;
  const { workflows } = cloud;
  const signal = AbortSignal.timeout(CANCEL_LIMIT_MS);
  const settings = { ...context.settings, outageTimeoutMs: CANCEL_LIMIT_MS };
  const bounded = { ...context, signal, settings };
  try {
    const read = () => withOutageRetry(bounded, () => workflows.execution(id, { signal }));
    if (!(await read())) {
      context.progress(`Execution ${id} did not start; if it starts late, the next attempt waits for it`);
      return;
    }
    await withOutageRetry(bounded, () => workflows.cancel(id, reason, { signal, globalRequestId }));
    const execution = await read();
    if (!execution || !isOver(execution.state)) return;
    context.progress(`Execution ${id} of workflow ${run.workflowName} was ended: ${execution.state}`);
    if (execution.state === 'SUCCESS') await finish(context, run, step, execution);
    else await steps.settle([{ step, state: 'failed', error: `it was cancelled: ${reason}` }]);
  } catch (error) {
    if (error instanceof InDoubt) throw error;
    const why = errorMessage(error);
    context.progress(`Execution ${id} could not be cancelled and may still run in Mistral: ${why}`);
  }
}
