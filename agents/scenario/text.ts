/** A scenario as text: the lines of its log, the final states and the summary. Pure. */
import { countStates, describeStates } from './final-states.ts';
import type { LogLine } from './log.ts';
import type { ScenarioResult } from './run.ts';
import { describeSummary } from './summary.ts';

const TIME_WIDTH = 10;
const SOURCE_WIDTH = 9;

export function describeLine({ at, source, text }: LogLine): string {
  return `${at.toFixed(3).padStart(TIME_WIDTH)}  ${source.padEnd(SOURCE_WIDTH)} ${text}`;
}

/** @param detail `counts`: equal states are counted */
export function describeEnd({ states, summary }: ScenarioResult, detail: 'full' | 'counts'): string {
  const lines = detail === 'counts' ? countStates(states) : describeStates(states);
  return ['', 'Final states', ...lines, '', 'Summary', ...describeSummary(summary)].join('\n');
}
