/** The reference page of the configuration: every option with its values, its default and an example. Made from the tables. */

import { DEFAULT_PIPELINES } from '../pipelines/default-lists.ts';
import { crashOptionOfFlow, FLOWS, FLOWS_SECTION, optionOfFlow } from '../pipelines/pipelines.ts';
import { PROOF_OPTIONS } from '../pipelines/proof-programs.ts';
import { POLICY_OPTIONS } from '../pipelines/task-policies.ts';
import { renderLists } from './example.ts';
import type { OptionSpec } from './kinds.ts';
import { OPTIONS } from './options.ts';
import { PROOF_SECTION } from './proofs.ts';
import { OPTION_SECTIONS } from './read-options.ts';
import { SEGMENT_OPTIONS, SEGMENT_SECTION } from './segments.ts';

const HEAD = `# Configuration reference

For operators. This page lists every option of \`/etc/recovery-agent/recovery-agent.conf\`. An option that is not set has its default.
Durations are seconds and may have a fraction. \`recovery-agent validate\` checks the file.

<!-- Made by "npm run generate" from config/options: change the options there. -->

Tasks use the options that are marked as *frozen*. Each flow keeps the values that such options had at its start, also after a restart of
the engine.
`;

const SEGMENTS = `## [${SEGMENT_SECTION} NAME]

A failover segment: hosts that belong together. Any number of sections; without one, every host is in a segment \`default\`.

### hosts, reserved_hosts

Names as Nova has them, separated by commas, blanks or newlines. Reserved hosts are used in this order.
`;

const PROOFS = `## [${PROOF_SECTION} NAME]

A program that shows whether a host is dead, see [safety](../concepts/safety.md#programs-that-prove-a-death). Besides these options it has those of an executable task
(\`command\`, \`user\`, \`groups\`, \`no_new_privileges\`) and parameters of its own.
`;

const FLOWS_HEAD = `## [${FLOWS_SECTION}]

The task lists of each flow, here or in the file that \`recovery_methods_config\` names.
`;

const TASKS_HEAD = `## [TASK]

Each task in these lists may have a section of its own, with these options besides those of the task itself.
`;

export function renderReference(): string {
  const sections = [...OPTION_SECTIONS].flatMap((section) => [
    `## [${section}]\n`,
    ...OPTIONS.filter((entry) => entry.section === section).map((entry) => renderEntry(entry.spec)),
  ]);
  const flows = FLOWS.flatMap((flow) => [
    `### ${optionOfFlow(flow)}\n\n- Default: ${code(renderLists(DEFAULT_PIPELINES[flow]))}\n`,
    renderEntry(crashOptionOfFlow(flow)),
  ]);
  const segments = [SEGMENTS, ...SEGMENT_OPTIONS.map(renderEntry)];
  const proofs = [PROOFS, ...PROOF_OPTIONS.map(renderEntry)];
  const tasks = [TASKS_HEAD, ...POLICY_OPTIONS.map(renderEntry)];
  return [HEAD, ...sections, ...segments, ...proofs, FLOWS_HEAD, ...flows, ...tasks].join('\n');
}

function renderEntry({ name, help, takes, written, example, setting }: OptionSpec<unknown>): string {
  const facts = [
    `- Values: ${takes}`,
    `- Default: ${written === '' ? 'none' : code(written)}`,
    ...(example === undefined ? [] : [`- Example: ${code(`${name} = ${example}`)}`]),
    ...(setting === undefined ? [] : ['- Frozen']),
  ];
  return `### ${name}\n\n${help}\n\n${facts.join('\n')}\n`;
}

function code(text: string): string {
  return `\`${text}\``;
}
