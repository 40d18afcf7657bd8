/**
 * The driver of tasks that are programs: one JSON object on stdin, JSON lines on stdout, the log on stderr, an exit code at the
 * end.
 *
 * Invariants:
 * - of one step no two programs run at once: processes that an earlier engine left running on this node are ended first;
 * - a program that had to be ended did its work only if it reported so itself before: only its own report means done, and only 75 means
 *   not done.
 */
import type { Value } from '#config/expressions/expression.ts';
import { OPTION_WAY, optionByValue } from '#config/pipelines/argument-injection.ts';
import { printableShort } from '#protocol/printable.ts';
import { IgnoreRecovery, InDoubt, NotDone, SkipRecovery, TaskFailure } from '../../flow/outcome.ts';
import type { Values } from '../../flow/plan.ts';
import { type CheckResult, type Driver, type DriverCall, missingOutputs, type ProgramContext } from '../driver.ts';
import { type Account, accountFor } from './account.ts';
import { faultOfCommand } from './command-files.ts';
import { FEWEST_RIGHTS, type Rights } from './confinement.ts';
import { LoggedOutput } from './logged-output.ts';
import { MergedProgress } from './merged-progress.ts';
import { endAll, type Found, STEP_KEY, withStepKey } from './processes.ts';
import { CannotStart, type ProgramEnd, runProgram } from './run-program.ts';
import { Stdout } from './stdout.ts';

type Call = DriverCall<ProgramContext>;
type Request = 'run' | 'check' | 'undo';

/** Of the JSON on stdin. */
const CONTRACT_VERSION = 1;
/**
 * EX_TEMPFAIL (sysexits.h): "nothing was done, it can be started again"; of a check: "it was not done". Not 1: a shell or an interpreter
 * with an error ends with that, and a task would be done twice.
 */
const NOT_DONE = 75;
/** Processes of an earlier run get this time to end in good order. */
const ORPHAN_GRACE_MS = 5000;

export const executable: Driver<ProgramContext> = {
  steps: 'one',

  async run(call) {
    const reported = await carryOut(call, 'run');
    requireSuccess(reported);
    if (reported.wish?.how === 'skip') throw new SkipRecovery(reported.wish.message || `requested by ${call.task}`);
    if (reported.wish?.how === 'ignore') throw new IgnoreRecovery(reported.wish.message || `requested by ${call.task}`);
    const missing = missingOutputs(call.definition, reported.outputs);
    // It was done: a failed check of the outputs must not run it again.
    if (missing) throw new InDoubt(`its program succeeded without ${missing}, which it provides`);
    return outputsOf(reported);
  },

  async check(call): Promise<CheckResult> {
    const reported = await carryOut(call, 'check');
    if (reported.fault !== undefined) return { state: 'unknown', reason: reported.fault };
    const { end } = reported;
    if (end.by === 'exit' && end.code === NOT_DONE) return { state: 'not done' };
    if (end.by !== 'exit' || end.code !== 0) return { state: 'unknown', reason: `its program ${wordsOf(end)}` };
    const missing = missingOutputs(call.definition, reported.outputs);
    if (missing) return { state: 'unknown', reason: `its program reports that it was done, but not ${missing}` };
    return { state: 'done', outputs: outputsOf(reported) };
  },

  async undo(call) {
    requireSuccess(await carryOut(call, 'undo'));
  },
};

interface ProgramReport {
  readonly end: ProgramEnd['end'];
  /** It violated its contract. */
  readonly fault: string | undefined;
  readonly outputs: ReadonlyMap<string, Value>;
  /** The request to end the flow. */
  readonly wish: Stdout['end'];
}

/** @throws NotDone if nothing was started; the reason of the signal if the program was ended because of it */
async function carryOut(call: Call, request: Request): Promise<ProgramReport> {
  const { task, context, options, stepKey } = call;
  const { signal, guard, log } = context;
  const argv = wordsIn(options.command);
  const option = optionByValue(wordsIn(call.definition.options.command), argv);
  if (option !== undefined) {
    throw new NotDone(`a value would be an option of the program (${printableShort(option, 60)}); ${OPTION_WAY}`);
  }
  const account = await permitted(argv, String(options.user ?? ''));
  if (!guard.isFresh()) await guard.confirm();
  await endOrphans(call);
  if (signal.aborted) throw new NotDone('it was not started', 'work', signal.reason);
  if (!guard.isFresh()) await guard.confirm();

  const progress = new MergedProgress(context.progress);
  const errors = new LoggedOutput((line) => log('info', `program of ${task}: ${line}`));
  let fault = '';
  const garbage = new LoggedOutput((line) => log('warning', `program of ${task} printed ${fault}`, { line }));
  const reportedFaults = new Set<string>();
  const stdout = new Stdout({
    onProgress: (message, share) => progress.take(message, share),
    onGarbage: (line, why) => {
      fault = why;
      if (!reportedFaults.has(fault)) context.progress(`It printed ${fault}; the log has such lines`);
      reportedFaults.add(fault);
      garbage.log(line);
    },
  });
  try {
    const end = await runProgram({
      argv,
      account,
      rights: rightsIn(options),
      variables: { [STEP_KEY]: stepKey, RECOVERY_AGENT_TASK: task },
      stdin: `${JSON.stringify(requestOf(call, request))}\n`,
      onStdout: (chunk) => stdout.take(chunk),
      onStderr: (chunk) => errors.take(chunk),
      onNoScope: (reason) => log('warning', `program of ${task} runs in the control group of the engine`, { reason }),
      signal,
    });
    const late = stdout.close();
    return decide(call, request, end, stdout, late);
  } catch (error) {
    if (error instanceof CannotStart) throw new NotDone(`${argv[0]} cannot be run: ${error.message}`, 'work', error);
    throw error;
  } finally {
    progress.end();
    const unsaid = errors.close() + garbage.close();
    if (unsaid > 0) log('warning', `program of ${task} logged ${unsaid} lines more`);
  }
}

/** Conditions that must hold before the start; they may have changed since the configuration was checked. */
async function permitted(argv: readonly string[], user: string): Promise<Account> {
  const account = await accountFor(user);
  if ('fault' in account) throw new NotDone(account.fault);
  const scope = process.geteuid?.() === 0 ? 'way' : 'file';
  const fault = faultOfCommand(argv, { uid: account.uid, scope });
  if (fault !== undefined) throw new NotDone(fault);
  return account;
}

async function endOrphans({ context, stepKey, task }: Call): Promise<void> {
  const { signalled: requested, left } = await endAll(() => withStepKey(stepKey), ORPHAN_GRACE_MS);
  if (left.length > 0)
    throw new NotDone(`an earlier run of it is still running and cannot be ended: ${listOf(left)}; end it and retry`);
  if (requested > 0) {
    context.log('warning', `processes of an earlier run of ${task} were ended`, { count: requested });
    context.progress(`Ended processes of an earlier run: ${requested}`);
  }
}

function requestOf(call: Call, request: Request): object {
  const { task, occurrence, phase, stepKey, attempt, isResumed, inputs, parameters, outputs } = call;
  const head = { version: CONTRACT_VERSION, call: request, task, occurrence, phase, step_key: stepKey };
  return { ...head, attempt, resumed: isResumed, inputs, parameters, outputs };
}

function decide(
  { context, task }: Call,
  request: Request,
  ran: ProgramEnd,
  stdout: Stdout,
  late?: string,
): ProgramReport {
  const { end, ended, leftBehind, stillRunning } = ran;
  if (leftBehind > 0)
    context.log('warning', `program of ${task} left processes behind, which were ended`, { count: leftBehind });
  if (end.by === 'nothing' || stillRunning.length > 0) {
    const pids = end.by === 'nothing' ? `${end.pid}` : listOf(stillRunning);
    throw new InDoubt(`its program cannot be ended, not even by SIGKILL: ${pids}`);
  }
  if (ended === 'aborted') {
    const hasReported = request === 'run' && end.by === 'exit' && end.code === NOT_DONE;
    throw hasReported ? new NotDone('it was ended and reports that nothing was done', 'work') : context.signal.reason;
  }
  const fault = ended?.fault ?? late;
  return {
    end,
    fault: fault === undefined ? undefined : `its program ${fault}`,
    outputs: stdout.outputs,
    wish: request === 'run' ? stdout.end : undefined,
  };
}

function requireSuccess({ end, fault }: ProgramReport): void {
  // It was interrupted, or had succeeded.
  if (fault !== undefined) throw new InDoubt(fault);
  if (end.by === 'exit' && end.code === 0) return;
  if (end.by === 'exit' && end.code === NOT_DONE)
    throw new NotDone(`its program reports that nothing was done (exit code ${NOT_DONE})`);
  // A program that a signal ended (a crash, the kernel short of memory, a user) was interrupted as by an engine failure.
  if (end.by !== 'exit') throw new InDoubt(`its program ${wordsOf(end)}`);
  throw new TaskFailure(`its program ${wordsOf(end)}`);
}

function wordsOf(end: ProgramEnd['end']): string {
  if (end.by === 'exit') return `ended with exit code ${end.code}`;
  return end.by === 'signal' ? `was ended by ${end.name}` : 'did not end';
}

function outputsOf({ outputs }: ProgramReport): Values {
  return Object.fromEntries(outputs);
}

function wordsIn(command: Value | undefined): string[] {
  return Array.isArray(command) ? command.map((word: Value) => String(word)) : [];
}

/** As in a plan from before these options existed: the fewest. */
function rightsIn({ groups, no_new_privileges }: DriverCall['options']): Rights {
  return {
    groups: groups === 'account' ? 'account' : FEWEST_RIGHTS.groups,
    newPrivileges: no_new_privileges === false ? 'possible' : FEWEST_RIGHTS.newPrivileges,
  };
}

function listOf(processes: readonly Found[]): string {
  return processes.map(({ pid }) => `process ${pid}`).join(', ');
}
