/** `recovery-agent why UUID`: the decisions about one recovery, each with its facts and limits, in the order in which they became known. */
import type { Configuration } from '#config/configuration.ts';
import { segmentOf } from '#config/options/segments.ts';
import { type RecordedGates, replayGates } from '#engine/gates/replay.ts';
import { readCase } from '../case-file.ts';
import { type Command, type CommandLine, ENGINE_OPTIONS, JSON_OPTION, requiredUuid } from '../command.ts';
import { configurationOf, givenPath } from '../configuration.ts';
import { CommandFailure, EXIT, type ExitCode } from '../exit-codes.ts';
import { caseOf, historyOf } from '../history.ts';
import { describeHistory, describeReplay } from '../output/history-text.ts';
import { print, printJson } from '../output/output.ts';
import { readRecords } from '../records.ts';

/** Which proofs are accepted, and whether the segment is enabled, by the configuration. */
function underOptions(facts: RecordedGates['facts'], { options, segments }: Configuration): RecordedGates['facts'] {
  const { acceptedProofs, watchdogTimeoutMs } = options.hostFailure;
  const segment = segmentOf(segments, facts.host);
  if (facts.death === undefined) return facts;
  return {
    ...facts,
    disabledSegment: segment?.enabled === false ? segment.name : undefined,
    death: { ...facts.death, accepted: segment?.acceptedProofs ?? acceptedProofs, watchdogTimeoutMs },
  };
}

/** Decides the gate decisions of an exported case again, by the options of the configuration. */
function replay(line: CommandLine, path: string): ExitCode {
  if (line.positionals.length > 0 || line.has('export')) {
    throw new CommandFailure(EXIT.usage, '--replay takes a file, and no UUID and no --export');
  }
  const configuration = configurationOf(line);
  const replayed = replayGates(readCase(path), configuration.options.gates, (facts) =>
    underOptions(facts, configuration),
  );
  if (line.has('json')) printJson(replayed.map(({ isChanged, ...one }) => ({ ...one, changed: isChanged })));
  else print(describeReplay(replayed));
  return EXIT.ok;
}

export const why: Command = {
  name: 'why',
  summary: 'Explains one recovery: each decision with its facts and limits, the commands, and the time to recovery',
  positionals: '[UUID]',
  options: {
    ...JSON_OPTION,
    export: { type: 'boolean', help: 'print the case as JSON, for --replay' },
    replay: {
      type: 'string',
      value: 'FILE',
      help: 'decide the gate decisions of an exported case again by [gates] of the configuration, and print what changes',
    },
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 1,
  exitCodes:
    '0 fine, also if a replay changes decisions; 1 no such notification; 2 the command line or FILE is wrong; 3 no engine, no journal',
  async run(line) {
    const path = givenPath(line, 'replay');
    if (path !== undefined) return replay(line, path);
    const recovery = await (await readRecords(line)).show(requiredUuid(line));
    if (line.has('export')) printJson(caseOf(recovery));
    else if (line.has('json')) printJson(historyOf(recovery));
    else print(describeHistory(historyOf(recovery)));
    return EXIT.ok;
  },
};
