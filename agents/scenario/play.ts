/** Plays a scenario for `recovery-agent simulate --scenario`: prints each line when it is written, then the final states and the summary. */
import type { Configuration } from '#config/configuration.ts';
import { ConfigurationError } from '#config/document/problem.ts';
import { printable } from '#protocol/printable.ts';
import { CommandFailure, EXIT, type ExitCode } from '../exit-codes.ts';
import { print, printJson } from '../output/output.ts';
import { CountedLines } from './counted-lines.ts';
import type { LogLine } from './log.ts';
import { runScenario, type ScenarioResult } from './run.ts';
import { readScenario, type ScenarioFiles } from './scenario.ts';
import { describeEnd, describeLine } from './text.ts';
import { ScenarioError } from './yaml-file.ts';

export interface PlaySettings {
  /** Undefined: the scenario's own one. */
  readonly named: Configuration | undefined;
  /** If the scenario has none. */
  readonly otherwise: Configuration;
  readonly note: string;
  readonly isJson: boolean;
  readonly signal: AbortSignal;
}

/** Throws `CommandFailure` for an error in a file. */
export async function playScenario(path: string, settings: PlaySettings): Promise<ExitCode> {
  const { named, otherwise, note, isJson, signal } = settings;
  const files = filesAt(path);
  const configuration = named ?? files.configuration ?? otherwise;
  const lines: LogLine[] = [];
  const counts = new CountedLines();
  if (!isJson) print(`${note}\n`);
  const onLine = (line: LogLine): void => {
    if (files.log === 'counts') counts.add(line);
    else if (isJson) lines.push(line);
    else print(printable(describeLine(line)));
  };
  const result = await runScenario(files, { configuration, onLine, signal });
  const timeline = [...lines, ...counts.lines];
  if (isJson) printJson({ note, timeline, ...viewOf(result) });
  else print([...timeline.map(describeLine), ...describeEnd(result, files.log).split('\n')].map(printable).join('\n'));
  return exitCodeOf(result);
}

function filesAt(path: string): ScenarioFiles {
  try {
    return readScenario(path);
  } catch (error) {
    const isOfFile = error instanceof ScenarioError || error instanceof ConfigurationError;
    if (isOfFile) throw new CommandFailure(EXIT.usage, error.message);
    throw error;
  }
}

/** A second evacuation is a fault of the engine, not of the scenario. */
function exitCodeOf({ summary: { failed, duplicates } }: ScenarioResult): ExitCode {
  if (duplicates > 0) return EXIT.failed;
  return failed.length > 0 ? EXIT.recoveryFailed : EXIT.ok;
}

function viewOf({ states: { notifications, hosts, instances }, summary }: ScenarioResult): object {
  return {
    notifications,
    hosts: hosts.map(({ isAlive, disabledReason, forcedDown, ...host }) => ({
      ...host,
      is_alive: isAlive,
      disabled_reason: disabledReason,
      forced_down: forcedDown,
    })),
    instances: instances.map(({ vmState, taskState, isTouched: _, ...instance }) => ({
      ...instance,
      vm_state: vmState,
      task_state: taskState,
    })),
    summary,
  };
}
