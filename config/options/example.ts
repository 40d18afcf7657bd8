/**
 * A recovery-agent.conf with everything in it, for people to read and to start from.
 *
 * Every option is commented out and shows its default: as it is, and with every `#` before an option or a section removed, the file
 * means the same as none.
 */

import { safe } from 'ini';
import { DEFAULT_PIPELINES } from '../pipelines/default-lists.ts';
import {
  crashOptionOfFlow,
  FLOWS,
  FLOWS_SECTION,
  optionOfFlow,
  PHASES,
  type Pipeline,
} from '../pipelines/pipelines.ts';
import { PROOF_OPTIONS } from '../pipelines/proof-programs.ts';
import { POLICY_OPTIONS } from '../pipelines/task-policies.ts';
import type { OptionSpec } from './kinds.ts';
import { OPTIONS } from './options.ts';
import { PROOF_SECTION } from './proofs.ts';
import { OPTION_SECTIONS } from './read-options.ts';
import { SEGMENT_OPTIONS, SEGMENT_SECTION } from './segments.ts';

const HEAD = `# recovery-agent.conf
#
# Without this file, or with this file as it is, everything has its default. Remove the # before an option to change it.
# A line that begins with a blank continues the value of the line before. Durations are seconds and may have a fraction;
# a wait is the upper bound of something observed, not a sleep. "recovery-agent validate" checks the file.
# A # or ; begins a comment. In a value write \\# or \\; unless the whole value is in quotes.
# The file names programs that run as root: an engine accepts it only if no other user can write to it (chmod go-w).
`;

const SEGMENTS_HEAD = `# Failover segments: which hosts belong together and how a failed one is recovered. Any number of sections; without one,
# every host is in a segment "default" with recovery method auto. For example:
#
#   [${SEGMENT_SECTION} rack-1]
#   recovery_method = rh_priority
#   hosts = compute-1, compute-2
#           compute-3
#   reserved_hosts = spare-1
#
# The options of such a section:
#
#   hosts, reserved_hosts
#     Names as Nova has them, separated by commas, blanks or newlines. Reserved hosts are used in this order.
`;

const PROOFS_HEAD = `# Programs that show whether a host is dead, in any number of sections. For example:
#
#   [${PROOF_SECTION} ipmi]
#   kind = power_off
#   command = /usr/local/lib/recovery-agent/power_state {{host_name}}
#
# The options of such a section, besides those of an executable task:
#
`;

const FLOWS_HEAD = `# The task lists of each flow, here or in the file recovery_methods_config, not in both. Two notations:
#   pre:['a','b'],main:['c'],post:['d']        {'pre': ['a', 'b'], 'main': ['c'], 'post': ['d']}
# And the policy for a flow whose engine ended during it: resume (continue at the first unfinished step), restart (run the
# flow again from its first task), or rollback (undo the completed tasks; the flow has then failed).
`;

const TASKS_HEAD = `# Each task in these lists may have a section of its own. For example:
#
#   [evacuate_instances_task]
#   timeout = 1800
#
# The options of such a section, besides those of the task itself:
#
`;

export function renderExample(): string {
  const sections = [...OPTION_SECTIONS].map((section) => {
    const specs = OPTIONS.filter((entry) => entry.section === section).map((entry) => entry.spec);
    return `[${section}]\n\n${specs.map(renderOption).join('\n')}`;
  });
  const segments = SEGMENTS_HEAD + SEGMENT_OPTIONS.map(renderHelp).join('');
  const proofs = PROOFS_HEAD + PROOF_OPTIONS.map(renderHelp).join('');
  const flows = FLOWS.map((flow) => {
    const policy = crashOptionOfFlow(flow);
    return `#${optionOfFlow(flow)} = ${renderLists(DEFAULT_PIPELINES[flow])}\n#${policy.name} = ${policy.written}\n`;
  });
  const tasks = TASKS_HEAD + POLICY_OPTIONS.map(renderHelp).join('');
  return [HEAD, ...sections, segments, proofs, `${FLOWS_HEAD}#[${FLOWS_SECTION}]\n${flows.join('')}`, tasks].join('\n');
}

function renderOption(spec: OptionSpec<unknown>): string {
  const value = spec.written === '' ? '' : ` ${safe(spec.written)}`;
  return `# ${spec.help}\n# (${spec.takes})\n#${spec.name} =${value}\n`;
}

/** An option of a section that has no fixed name; it has a description only. */
function renderHelp(spec: OptionSpec<unknown>): string {
  const value = spec.written === '' ? '' : ` = ${spec.written}`;
  return `#   ${spec.name}${value}\n#     ${spec.help} (${spec.takes})\n`;
}

/** The lists of a flow as they are written in a file. */
export function renderLists(lists: Pick<Pipeline, 'pre' | 'main' | 'post'>): string {
  return PHASES.map((phase) => `${phase}:[${lists[phase].map((task) => `'${task}'`).join(',')}]`).join(',');
}
