/**
 * The calls of programs and modules that a simulation runs for real, with the messages of their drivers, for the user who tests them.
 *
 * Invariant: the bounds of this file limit the data that is kept of any program, and keeping it does not change the run.
 */

import type { OccurrenceName } from '#config/pipelines/occurrence.ts';
import { IgnoreRecovery, InDoubt, NotDone, SkipRecovery } from '#engine/flow/outcome.ts';
import type { Values } from '#engine/flow/plan.ts';
import { MAX_OUTPUT_BYTES } from '#engine/task-drivers/custom-task.ts';
import type { CheckResult, Driver, DriverCall } from '#engine/task-drivers/driver.ts';
import { errorMessage } from '#protocol/error-message.ts';

/** Calls of one run of a flow, lines of log and of progress of one call; the last ones are kept. */
const MAX_CALLS = 200;
const MAX_LINES = 200;

export interface ProgramCall {
  readonly task: OccurrenceName;
  readonly call: 'run' | 'check' | 'undo';
  readonly attempt: number;
  /** The words of the command line, or the path of the module, values filled in. */
  readonly program: readonly string[];
  /** Of a run, `skip` and `ignore`: it ended the recovery. Of a check, its response; `unknown` as well as `not done`. */
  readonly end: 'done' | 'failed' | 'not done' | 'in doubt' | 'unknown' | 'skip' | 'ignore';
  /** The reason of that end; null if there is none. */
  readonly message: string | null;
  /** Real ones. */
  readonly seconds: number;
  /** The lines that the engine would log, such as its standard error. */
  readonly log: readonly string[];
  readonly progress: readonly { readonly message: string; readonly progress: number | null }[];
  /** Its outputs; null: none, or more than the journal accepts. */
  readonly outputs: Values | null;
  /** Outputs that are dropped because the definition does not provide them. */
  readonly outputs_dropped: readonly string[];
  /** Lines that came before those that are kept. */
  readonly lines_left_out: number;
}

/** The calls of one run of a flow. */
export class ProgramCalls {
  readonly calls: ProgramCall[] = [];
  /** The last run of each occurrence of a task, in the order of their first runs, with the driver for the calls after it. */
  readonly ran = new Map<OccurrenceName, { readonly driver: Driver; readonly call: DriverCall }>();

  /** The driver, its calls noted here. */
  received(driver: Driver): Driver {
    const { check, undo } = driver;
    const received: Driver = {
      steps: driver.steps,
      run: async (call) => {
        this.ran.set(call.name, { driver: received, call });
        const outputs = await this.#noted('run', call, (own) => driver.run(own), ranWell);
        this.ran.set(call.name, { driver: received, call: { ...call, outputs } });
        return outputs;
      },
      ...(check ? { check: (call) => this.#noted('check', call, (own) => check.call(driver, own), answered) } : {}),
      ...(undo
        ? {
            undo: (call) =>
              this.#noted(
                'undo',
                call,
                (own) => undo.call(driver, own),
                () => DONE,
              ),
          }
        : {}),
    };
    return received;
  }

  async #noted<T>(
    what: ProgramCall['call'],
    call: DriverCall,
    work: (own: DriverCall) => Promise<T>,
    endOf: (returned: T) => End,
  ): Promise<T> {
    const lines = new LastLines<string>();
    const progress = new LastLines<ProgramCall['progress'][number]>();
    const { context, task, name, attempt, options } = call;
    const own: DriverCall = {
      ...call,
      context: {
        ...context,
        log: (level, message, fields) => {
          const line = fields?.line === undefined ? message : `${message}: ${String(fields.line)}`;
          lines.add(line.startsWith(prefixOf(task)) ? line.slice(prefixOf(task).length) : line);
          context.log(level, message, fields);
        },
        progress: (message, share) => {
          progress.add({ message, progress: share ?? null });
          context.progress(message, share);
        },
      },
    };
    const startedAt = performance.now();
    const note = (end: End): void => {
      if (this.calls.length >= MAX_CALLS) return;
      const { command, module } = options;
      const provided = call.definition.provides;
      this.calls.push({
        task: name,
        call: what,
        attempt,
        program: Array.isArray(command) ? command.map(String) : [String(module ?? '')],
        ...end,
        outputs_dropped: Object.keys(end.outputs ?? {}).filter((output) => !provided.includes(output)),
        seconds: Math.round((performance.now() - startedAt) / 100) / 10,
        log: lines.kept,
        progress: progress.kept,
        lines_left_out: lines.leftOut + progress.leftOut,
      });
    };
    try {
      const returned = await work(own);
      note(endOf(returned));
      return returned;
    } catch (error) {
      // An interrupted call fails with its own message; the reason of the interruption takes precedence.
      note(failedWith(context.signal.aborted && !(error instanceof NotDone) ? context.signal.reason : error));
      throw error;
    }
  }
}

/** The driver of programs marks each line of a program so; here it is known whose it is. */
const prefixOf = (task: string): string => `program of ${task}: `;

type End = Pick<ProgramCall, 'end' | 'message' | 'outputs'>;

const DONE: End = { end: 'done', message: null, outputs: null };

function ranWell(outputs: Values): End {
  const isKept = Buffer.byteLength(JSON.stringify(outputs)) <= MAX_OUTPUT_BYTES;
  return { ...DONE, outputs: isKept ? outputs : null };
}

function answered(state: CheckResult): End {
  switch (state.state) {
    case 'done':
      return ranWell(state.outputs);
    case 'not done':
      return { ...DONE, end: 'not done' };
    case 'unknown':
      return { ...DONE, end: 'unknown', message: state.reason };
  }
}

const ENDS = [
  [SkipRecovery, 'skip'],
  [IgnoreRecovery, 'ignore'],
  [NotDone, 'not done'],
  [InDoubt, 'in doubt'],
] as const;

function failedWith(error: unknown): End {
  const end = ENDS.find(([kind]) => error instanceof kind)?.[1] ?? 'failed';
  return { end, message: errorMessage(error), outputs: null };
}

class LastLines<T> {
  readonly kept: T[] = [];
  leftOut = 0;

  add(line: T): void {
    this.kept.push(line);
    if (this.kept.length <= MAX_LINES) return;
    this.kept.shift();
    this.leftOut += 1;
  }
}
