/** `recovery-agent simulate`: runs the task lists, or a scenario of the operator, against a simulated cloud, before a failure does. */
import { existsSync } from 'node:fs';
import type { Configuration } from '#config/configuration.ts';
import { systemPath } from '#config/document/files.ts';
import { formatProblem, inOrder, type Problem, warningAt } from '#config/document/problem.ts';
import { DEFAULT_MAIN_FILE, loadConfiguration, METHODS_FILES } from '#config/load.ts';
import { FLOWS, type FlowName, hasTasks, optionOfFlow, type Pipelines } from '#config/pipelines/pipelines.ts';
import { loadDriver } from '#engine/task-drivers/drivers.ts';
import { realClock } from '#protocol/clock.ts';
import { printable } from '#protocol/printable.ts';
import { faultsOnThisHost, loadChecked } from '../checked-configuration.ts';
import { type Command, type CommandLine, JSON_OPTION } from '../command.ts';
import { configurationOf, givenPath } from '../configuration.ts';
import { CommandFailure, EXIT, type ExitCode } from '../exit-codes.ts';
import { type Cell, print, printJson, table } from '../output/output.ts';
import { playScenario } from '../scenario/play.ts';
import { type MatrixRow, type MatrixSettings, simulateFlow } from '../simulate/matrix.ts';
import { describeCalls } from '../simulate/program-calls-text.ts';
import { faultOfPrograms } from '../simulate/result.ts';

const DEFAULT_SEED = 1;
const MAX_SEED = 2 ** 32 - 1;
const PLAYED = 'Custom tasks are played by stand-ins: no program is started, nothing is sent, no cloud is touched.';
/** Options of the runs of task lists: a scenario has its own events. */
const OF_TASK_LISTS = ['flow', 'seed', 'run-tasks', 'undo-tasks'];
const RUN_FOR_REAL =
  'Programs and modules of custom tasks RUN FOR REAL in the undisturbed run; all else is played by stand-ins.';

/** The undisturbed run with programs and modules: in real time, and with a cloud that does not keep one waiting. */
function runningTasks(line: CommandLine, configuration: Configuration): NonNullable<MatrixSettings['undisturbed']> {
  const { options } = configuration;
  const general = { ...options.general, verifyIntervalMs: 50 };
  return {
    clock: { ...realClock, run: (work) => work },
    behaviour: { rebuildMs: [50, 150], migrationMs: [50, 150], powerMs: 30, computeStartMs: 100 },
    realDriver: (name) => (name === 'executable' || name === 'module' ? loadDriver(name) : undefined),
    calledAfterwards: line.has('undo-tasks') ? ['check', 'undo'] : ['check'],
    configuration: { ...configuration, options: { ...options, general } },
  };
}

/** Without a file, `simulate` reads nothing of the machine, so that a faulty configuration does not prevent a trial. */
const BUILT_IN_CONFIGURATION: Configuration = loadConfiguration({ readFile: () => undefined });

/** Stand-ins need no program, but the next failure will. */
async function warningsOf(configuration: Configuration): Promise<Problem[]> {
  const faults = (await faultsOnThisHost(configuration)).map(({ at, message }) => warningAt(at, message));
  return inOrder([...configuration.warnings, ...faults]);
}

/** If a returned host causes no action, there is nothing to simulate. */
function wantedFlows(line: CommandLine, pipelines: Pipelines): readonly FlowName[] {
  const wanted = line.text('flow');
  if (wanted === undefined) return FLOWS.filter((flow) => flow !== 'host_return' || hasTasks(pipelines.host_return));
  const flow = FLOWS.find((name) => name === wanted);
  if (!flow) throw new CommandFailure(EXIT.usage, `--flow must be one of ${FLOWS.join(', ')}`);
  return [flow];
}

function wantedSeed(line: CommandLine): number {
  const text = line.text('seed') ?? String(DEFAULT_SEED);
  const seed = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(seed <= MAX_SEED)) throw new CommandFailure(EXIT.usage, `--seed must be a whole number from 0 to ${MAX_SEED}`);
  return seed;
}

/** One file, named in one of two ways. Undefined: the configuration. */
function wantedFile(line: CommandLine): string | undefined {
  const [positional] = line.positionals;
  const file = givenPath(line, 'pipeline');
  if (positional === undefined) return file;
  if (file !== undefined) throw new CommandFailure(EXIT.usage, 'FILE and --pipeline FILE exclude each other');
  if (positional === '') throw new CommandFailure(EXIT.usage, 'FILE is empty');
  return positional;
}

/** The task of the row, and the tasks that were skipped: a fault at a skipped task has no effect. */
function taskCell({ disturbance, skipped }: MatrixRow): string {
  if (!disturbance) return skipped.length > 0 ? `(all; skipped: ${skipped.join(', ')})` : '(all)';
  return skipped.includes(disturbance.task) ? `${disturbance.task} (skipped)` : disturbance.task;
}

function cellsOf(row: MatrixRow): Cell[] {
  const counts = new Map<string, number>();
  for (const state of row.flows) counts.set(state, (counts.get(state) ?? 0) + 1);
  const flows = [...counts].map(([state, count]) => (count > 1 ? `${state} x${count}` : state)).join(', ');
  return [
    taskCell(row),
    row.disturbance?.fault ?? 'none',
    flows,
    { state: row.status },
    row.total === 0 ? null : `${row.recovered}/${row.total}`,
    row.duplicateEvacuations,
    row.toDo,
  ];
}

const HEAD = ['Task', 'Fault', 'Flow', 'Ends', 'Recovered', 'Twice', 'Operator has to'];

function viewOf({ flow, disturbance, toDo, duplicateEvacuations, notDone, ...rest }: MatrixRow): object {
  return {
    flow,
    task: disturbance?.task ?? null,
    fault: disturbance?.fault ?? null,
    ...rest,
    not_done: notDone,
    duplicate_evacuations: duplicateEvacuations,
    to_do: toDo,
  };
}

/** Of the undisturbed runs, in which programs ran. */
function faultsOfPrograms(rows: readonly MatrixRow[]): { readonly flow: FlowName; readonly fault: string }[] {
  return rows.flatMap((row) => {
    const fault = row.disturbance ? null : faultOfPrograms(row);
    return fault === null ? [] : [{ flow: row.flow, fault }];
  });
}

/** Aborted by SIGTERM and SIGINT. */
function interruption(): AbortSignal {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new CommandFailure(EXIT.failed, 'interrupted; nothing is left behind'));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, interrupt);
  return stop.signal;
}

/** The configuration is the one that is named, else the scenario's, else the built-in one. */
async function runScenarioAt(path: string, line: CommandLine): Promise<ExitCode> {
  const other = OF_TASK_LISTS.find((option) => line.has(option) || line.text(option) !== undefined);
  if (other) throw new CommandFailure(EXIT.usage, `--scenario and --${other} exclude each other`);
  const file = wantedFile(line);
  const isNamed = file !== undefined || line.text('config') !== undefined;
  const named = isNamed ? configurationOf(line, (mainFile) => loadChecked(file ?? mainFile)) : undefined;
  const isJson = line.has('json');
  const settings = { named, otherwise: BUILT_IN_CONFIGURATION, note: PLAYED, isJson, signal: interruption() };
  return playScenario(path, settings);
}

export const simulate: Command = {
  name: 'simulate',
  summary: 'Runs the task lists against a simulated cloud, undisturbed and with each fault at each task',
  positionals: '[FILE]',
  options: {
    pipeline: {
      type: 'string',
      value: 'FILE',
      help: 'the same as FILE: the task lists (default: --config, else the built-in lists)',
    },
    scenario: {
      type: 'string',
      value: 'PATH',
      help: 'run the failures of this folder or YAML file with the configuration FILE, and print what the engine does',
    },
    flow: { type: 'string', value: 'FLOW', values: FLOWS, help: `only this one: ${FLOWS.join(', ')}` },
    seed: { type: 'string', value: 'N', help: `random seed of the simulated cloud (default: ${DEFAULT_SEED})` },
    'run-tasks': {
      type: 'boolean',
      help: 'run programs and modules for real in the undisturbed run; then "check" of those that have it',
    },
    'undo-tasks': { type: 'boolean', help: 'with --run-tasks: then "undo" of those that have it, last first' },
    ...JSON_OPTION,
  },
  maxPositionals: 1,
  exitCodes:
    '0 every run ended in a defined state and, with --run-tasks, your programs did what they should;\n' +
    '1 one did not; 2 the command line, the configuration or the scenario is wrong; 4 a recovery of the scenario failed',
  async run(line) {
    const scenario = givenPath(line, 'scenario');
    if (scenario !== undefined) return runScenarioAt(scenario, line);
    const seed = wantedSeed(line);
    const file = wantedFile(line);
    const isReal = line.has('run-tasks');
    if (line.has('undo-tasks') && !isReal) throw new CommandFailure(EXIT.usage, '--undo-tasks goes with --run-tasks');
    const isBuiltIn = file === undefined && line.text('config') === undefined;
    const configuration = isBuiltIn
      ? BUILT_IN_CONFIGURATION
      : configurationOf(line, (mainFile) => loadChecked(file ?? mainFile));
    const flows = wantedFlows(line, configuration.pipelines);
    const warnings = await warningsOf(configuration);
    const settings: MatrixSettings = {
      configuration,
      seed,
      signal: interruption(),
      ...(isReal ? { undisturbed: runningTasks(line, configuration) } : {}),
    };
    const isJson = line.has('json');
    const note = isReal ? RUN_FOR_REAL : PLAYED;
    if (!isJson) for (const warning of warnings) print(printable(formatProblem(warning)));
    if (!isJson) print(note);
    const own = isBuiltIn
      ? [DEFAULT_MAIN_FILE, ...METHODS_FILES].find((path) => existsSync(systemPath(path)))
      : undefined;
    if (!isJson && own)
      print(
        `The built-in lists are simulated; for those of this machine name the file: recovery-agent simulate ${own}`,
      );
    const all: MatrixRow[] = [];
    for (const flow of flows) {
      const rows: MatrixRow[] = [];
      for await (const row of simulateFlow(flow, settings)) rows.push(row);
      all.push(...rows);
      if (isJson) continue;
      print(`\n${optionOfFlow(flow)}\n${table(HEAD, rows.map(cellsOf))}`);
      const calls = rows.flatMap(({ programs }) => programs);
      if (calls.length > 0) print(`\n${describeCalls(calls)}`);
    }
    const bad = all.filter(({ good }) => !good).length;
    const faults = isReal ? faultsOfPrograms(all) : [];
    const isWell = bad === 0 && faults.length === 0;
    if (isJson) printJson({ note, warnings, seed, good: isWell, program_faults: faults, runs: all.map(viewOf) });
    else {
      if (bad === 0) print(`\nAll ${all.length} runs ended in a defined state, and no instance was evacuated twice.`);
      else print(`\n${bad} of ${all.length} runs did not end as they must.`);
      for (const { flow, fault } of faults) print(printable(`${optionOfFlow(flow)}, with your programs: ${fault}`));
    }
    return isWell ? EXIT.ok : EXIT.failed;
  },
};
