/** The graph of a flow for people, at most 80 columns wide, and for scripts. */

import { formatPosition } from '#config/document/problem.ts';
import type { FlowGraph, GraphTask } from '#config/pipelines/flow-graph.ts';
import { optionOfFlow } from '#config/pipelines/pipelines.ts';
import { printable } from '#protocol/printable.ts';

const WIDTH = 80;
const NAME_COLUMN = 8;
const DETAIL_COLUMN = 10;
const LABEL_WIDTH = 7;
/** Space of the longest name of a built-in task; the rest of the line has its traits. */
const NAME_WIDTH = 36;

const ON_FAILURE = {
  abort: undefined,
  continue: 'continues on failure',
  rollback: 'rolls back on failure',
} as const satisfies Record<GraphTask['onFailure'], string | undefined>;

const AFTER_CRASH = {
  resume: [],
  restart: ['  restarts after an engine failure'],
  rollback: ['  rolls back after an engine failure'],
} as const satisfies Record<FlowGraph['afterCrash'], readonly string[]>;

export function describeFlow({ flow, afterCrash, tasks }: FlowGraph): string {
  const nothing =
    flow === 'host_return' || flow === 'host_reboot'
      ? 'a host that came back is noted'
      : 'such a failure ends without any action';
  const none = tasks.length === 0 ? [`  no task: ${nothing}`] : [];
  return [optionOfFlow(flow), ...AFTER_CRASH[afterCrash], ...none, ...tasks.flatMap(describeTask)].join('\n');
}

function describeTask(task: GraphTask): string[] {
  const { definition, needs, gives } = task;
  const head = `  ${task.phase.padEnd(NAME_COLUMN - 2)}${printable(task.name)}`;
  const column = NAME_COLUMN + NAME_WIDTH;
  // The traits of a task with a longer name start on the next line.
  const first = head.length < column ? head.padEnd(column) : `${head}\n${' '.repeat(column)}`;
  const [beside = '', ...more] = wrapped(traitsOf(task), WIDTH - column);
  return [
    `${first}${beside}`.trimEnd(),
    ...more.map((line) => ' '.repeat(column) + line),
    ...detail('from', definition ? [formatPosition(definition.at)] : []),
    ...detail('when', definition && definition.when !== '' ? [definition.when] : []),
    ...detail(
      'needs',
      needs.map(({ value, from }) => `${value} (${from ?? 'input'})`),
    ),
    ...detail(
      'gives',
      gives.map(({ value, to }) => `${value} -> ${to.length === 0 ? 'no task' : to.join(' and ')}`),
    ),
  ];
}

function traitsOf({ definition, timeoutMs, retries, onFailure }: GraphTask): string[] {
  const traits = [
    ...(definition ? [definition.driver, definition.afterCrash] : ['built in']),
    `at most ${duration(timeoutMs)}`,
    retries > 0 ? `${retries} ${retries === 1 ? 'retry' : 'retries'}` : undefined,
    ON_FAILURE[onFailure],
    definition?.undo ? 'can be undone' : undefined,
  ];
  return traits.filter((trait) => trait !== undefined);
}

/** Whole hours and minutes as such, all else in seconds. */
function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function detail(label: string, items: readonly string[]): string[] {
  const indent = DETAIL_COLUMN + LABEL_WIDTH;
  return wrapped(items, WIDTH - indent).map((line, index) =>
    index === 0 ? `${' '.repeat(DETAIL_COLUMN)}${label.padEnd(LABEL_WIDTH)}${line}` : ' '.repeat(indent) + line,
  );
}

/** Items with commas between them, broken between items and within those that are too long. */
function wrapped(items: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const [index, item] of items.entries()) {
    const text = printable(item) + (index < items.length - 1 ? ',' : '');
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + text.length <= width) {
      lines[lines.length - 1] = `${last} ${text}`;
    } else lines.push(...(text.match(new RegExp(`.{1,${width}}`, 'gu')) ?? []));
  }
  return lines;
}

/** As `--json` prints it; times in seconds. */
export function viewFlow({ flow, afterCrash, tasks }: FlowGraph): object {
  return {
    flow,
    option: optionOfFlow(flow),
    after_crash: afterCrash,
    tasks: tasks.map(({ definition, timeoutMs, retryDelayMs, onFailure, retries, phase, name, needs, gives }) => ({
      phase,
      name,
      driver: definition?.driver ?? null,
      defined_at: definition ? formatPosition(definition.at) : null,
      after_crash: definition?.afterCrash ?? null,
      undo: definition?.undo ?? null,
      when: definition && definition.when !== '' ? definition.when : null,
      timeout: timeoutMs / 1000,
      retries,
      retry_delay: retryDelayMs / 1000,
      on_failure: onFailure,
      needs: needs.map(({ value, from }) => ({ value, from: from ?? null })),
      gives,
    })),
  };
}
