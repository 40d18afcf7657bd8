/** Every run of a flow: undisturbed first, then each fault at each task. */
import type { Configuration } from '#config/configuration.ts';
import { occurrenceNames } from '#config/pipelines/occurrence.ts';
import { type FlowName, PHASES } from '#config/pipelines/pipelines.ts';
import { SimulatedClock } from '#engine/clock/simulated.ts';
import { type Disturbance, FAULTS } from './fault.ts';
import { isGood, toDo } from './result.ts';
import { type RunResult, type RunSettings, simulateRun } from './run.ts';

export interface MatrixSettings {
  readonly configuration: Configuration;
  readonly seed: number;
  /** What makes the undisturbed run another one, e.g. real tasks in real time. */
  readonly undisturbed?: Partial<
    Pick<RunSettings, 'clock' | 'behaviour' | 'realDriver' | 'calledAfterwards' | 'configuration'>
  >;
  readonly signal: AbortSignal;
}

export interface MatrixRow extends RunResult {
  readonly flow: FlowName;
  /** Null in the undisturbed run. */
  readonly disturbance: Disturbance | null;
  readonly good: boolean;
  readonly toDo: string | null;
}

export async function* simulateFlow(flow: FlowName, settings: MatrixSettings): AsyncGenerator<MatrixRow> {
  const { configuration, seed, signal, undisturbed } = settings;
  const pipeline = configuration.pipelines[flow];
  const tasks = occurrenceNames(PHASES.flatMap((phase) => pipeline[phase]));
  const disturbances = tasks.flatMap((task) => FAULTS.map((fault): Disturbance => ({ task, fault })));
  for (const disturbance of [null, ...disturbances]) {
    signal.throwIfAborted();
    const result = await simulateRun({
      flow,
      configuration,
      seed,
      clock: new SimulatedClock(),
      signal,
      ...(disturbance ? { disturbance } : undisturbed),
    });
    yield { ...result, flow, disturbance, good: isGood(result), toDo: toDo(result) };
  }
}
