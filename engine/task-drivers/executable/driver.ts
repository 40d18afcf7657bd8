/**
 * The driver of tasks that are programs: one JSON object on stdin, JSON lines on stdout, the log on stderr, a number at the
 * end.
 *
 * Invariants:
 * - of one step no two programs run at once: what an earlier engine left running on this node is ended first;
 * - a program that had to be ended did its work only if it says so of itself before: with anything but its own word nothing
 *   is taken for done, and only 75 for not done.
 */
import type { Value } from '#config/expression.ts';
import { IgnoreRecovery, InDoubt, NotDone, SkipRecovery, TaskFailure } from '../../flow/outcome.ts';
import type { Values } from '../../flow/task.ts';
import { type CheckVerdict, type Driver, type DriverCall, missingOutputs } from './driver.ts';
import { type Account, accountFor } from './executable/account.ts';
import { MergedProgress } from './executable/merged-progress.ts';
import { endAll, type Found, STEP_KEY, withStepKey } from './executable/processes.ts';
import { faultOfProgram } from './executable/program-file.ts';
import { CannotStart, type ProgramEnd, runProgram } from './executable/run-program.ts';
import { Spoken } from './executable/spoken.ts';
import { Stdout } from './executable/stdout.ts';

type Request = 'run' | 'check' | 'undo';

/** Of the JSON on stdin. */
const CONTRACT_VERSION = 1;
/**
 * EX_TEMPFAIL (sysexits.h): "nothing was done, it can be begun again"; of a check: "it was not done". Not 1: a shell or an
 * interpreter that stumbles ends with that, and a task would be done twice.
 */
const NOT_DONE = 75;
/** What is left of an earlier run gets this long to end in good order. */
const ORPHAN_GRACE_MS = 5000;

export const executable: Driver = {
  steps: 'one',

  async run(call) {
    const told = await carryOut(call, 'run');
    requireSuccess(told);
    if (told.wish?.how === 'skip') throw new SkipRecovery(told.wish.message || `${call.task} says so`);
    if (told.wish?.how === 'ignore') throw new IgnoreRecovery(told.wish.message || `${call.task} says so`);
    const missing = missingOutputs(call.definition, told.outputs);
    // It was done: what has failed may be run again.
    if (missing) throw new InDoubt(`its program ended well without ${missing}, which it provides`);
    return outputsOf(told);
  },

  async check(call): Promise<CheckVerdict> {
    const told = await carryOut(call, 'check');
    if (told.fault !== undefined) return { state: 'unknown', reason: told.fault };
    const { end } = told;
    if (end.by === 'exit' && end.code === NOT_DONE) return { state: 'not done' };
    if (end.by !== 'exit' || end.code !== 0) return { state: 'unknown', reason: `its program ${wordsOf(end)}` };
    const missing = missingOutputs(call.definition, told.outputs);
    if (missing) return { state: 'unknown', reason: `it was done, says its program, but not ${missing}` };
    return { state: 'done', outputs: outputsOf(told) };
  },

  async undo(call) {
    requireSuccess(await carryOut(call, 'undo'));
  },
};

interface Told {
  readonly end: ProgramEnd['end'];
  /** It broke its contract. */
  readonly fault: string | undefined;
  readonly outputs: ReadonlyMap<string, Value>;
  /** The wish to end the flow. */
  readonly wish: Stdout['end'];
}

/** @throws NotDone when nothing was begun; the reason of the signal when the program was ended because of it */
async function carryOut(call: DriverCall, request: Request): Promise<Told> {
  const { task, context, options, stepKey } = call;
  const { signal, guard, log } = context;
  const argv = wordsIn(options.command);
  const account = await permitted(argv[0] ?? '', String(options.user ?? ''));
  if (!guard.isFresh()) await guard.confirm();
  await endOrphans(call);
  if (signal.aborted) throw new NotDone('it was not begun', 'work', signal.reason);
  if (!guard.isFresh()) await guard.confirm();

  const progress = new MergedProgress(context.progress);
  const errors = new Spoken((line) => log('info', `program of ${task}: ${line}`));
  let fault = '';
  const garbage = new Spoken((line) => log('warning', `program of ${task} printed ${fault}`, { line }));
  const toldFaults = new Set<string>();
  const stdout = new Stdout({
    onProgress: (message, share) => progress.take(message, share),
    onGarbage: (line, why) => {
      fault = why;
      if (!toldFaults.has(fault)) context.progress(`It printed ${fault}; the log has such lines`);
      toldFaults.add(fault);
      garbage.say(line);
    },
  });
  try {
    const end = await runProgram({
      argv,
      account,
      variables: { [STEP_KEY]: stepKey, RECOVERY_AGENT_TASK: task },
      stdin: `${JSON.stringify(requestOf(call, request))}\n`,
      onStdout: (chunk) => stdout.take(chunk),
      onStderr: (chunk) => errors.take(chunk),
      signal,
    });
    const late = stdout.close();
    return judge(call, request, end, stdout, late);
  } catch (error) {
    if (error instanceof CannotStart) throw new NotDone(`${argv[0]} cannot be run: ${error.message}`, 'work', error);
    throw error;
  } finally {
    progress.end();
    const unsaid = errors.close() + garbage.close();
    if (unsaid > 0) log('warning', `program of ${task} said ${unsaid} lines more`);
  }
}

/** What must be so before anything is begun; it may have changed since the configuration was checked. */
async function permitted(program: string, user: string): Promise<Account> {
  const account = await accountFor(user);
  if ('fault' in account) throw new NotDone(account.fault);
  const judge = process.geteuid?.() === 0 ? 'way' : 'file';
  const fault = faultOfProgram(program, { uid: account.uid, judge });
  if (fault !== undefined) throw new NotDone(fault);
  return account;
}

async function endOrphans({ context, stepKey, task }: DriverCall): Promise<void> {
  const { asked, left } = await endAll(() => withStepKey(stepKey), ORPHAN_GRACE_MS);
  if (left.length > 0)
    throw new NotDone(`an earlier run of it still goes on and cannot be ended: ${listOf(left)}; end it and retry`);
  if (asked > 0) {
    context.log('warning', `processes of an earlier run of ${task} were ended`, { count: asked });
    context.progress(`Ended processes of an earlier run: ${asked}`);
  }
}

function requestOf(call: DriverCall, request: Request): object {
  const { task, occurrence, phase, stepKey, attempt, isResumed, inputs, parameters, outputs } = call;
  const head = { version: CONTRACT_VERSION, call: request, task, occurrence, phase, step_key: stepKey };
  return { ...head, attempt, resumed: isResumed, inputs, parameters, outputs };
}

function judge({ context, task }: DriverCall, request: Request, ran: ProgramEnd, stdout: Stdout, late?: string): Told {
  const { end, ended, leftBehind, stillRunning } = ran;
  if (leftBehind > 0)
    context.log('warning', `program of ${task} left processes behind, which were ended`, { count: leftBehind });
  if (end.by === 'nothing' || stillRunning.length > 0) {
    const pids = end.by === 'nothing' ? `${end.pid}` : listOf(stillRunning);
    throw new InDoubt(`its program cannot be ended, not even by SIGKILL: ${pids}`);
  }
  if (ended === 'aborted') {
    const saysSo = request === 'run' && end.by === 'exit' && end.code === NOT_DONE;
    throw saysSo ? new NotDone('it was ended and says that nothing was done', 'work') : context.signal.reason;
  }
  const fault = ended?.fault ?? late;
  return {
    end,
    fault: fault === undefined ? undefined : `its program ${fault}`,
    outputs: stdout.outputs,
    wish: request === 'run' ? stdout.end : undefined,
  };
}

function requireSuccess({ end, fault }: Told): void {
  // It was cut off in the middle, or had ended well.
  if (fault !== undefined) throw new InDoubt(fault);
  if (end.by === 'exit' && end.code === 0) return;
  if (end.by === 'exit' && end.code === NOT_DONE)
    throw new NotDone(`its program says that nothing was done (exit code ${NOT_DONE})`);
  // What a signal ended (a crash, the kernel short of memory, a person) was cut off as by a death.
  if (end.by !== 'exit') throw new InDoubt(`its program ${wordsOf(end)}`);
  throw new TaskFailure(`its program ${wordsOf(end)}`);
}

function wordsOf(end: ProgramEnd['end']): string {
  if (end.by === 'exit') return `ended with exit code ${end.code}`;
  return end.by === 'signal' ? `was ended by ${end.name}` : 'did not end';
}

function outputsOf({ outputs }: Told): Values {
  return Object.fromEntries(outputs);
}

function wordsIn(command: Value | undefined): string[] {
  return Array.isArray(command) ? command.map((word: Value) => String(word)) : [];
}

function listOf(processes: readonly Found[]): string {
  return processes.map(({ pid }) => `process ${pid}`).join(', ');
}
