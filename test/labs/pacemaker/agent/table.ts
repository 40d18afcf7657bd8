/** The measured table as a document. Pure. */
import { ACTIONS } from './fault.ts';
import type { Measurement } from './measurement.ts';
import type { Reaction } from './reaction.ts';

/** `meta-data` is not among them: it returns 0 in every row. */
const COLUMNS = ACTIONS.filter((action) => action !== 'meta-data');

const INTRODUCTION = `# The resource agent under faults: measured exit codes

For operators of a Pacemaker cluster and for contributors. This page contains the measured exit code of each action for each fault. The tests of the Pacemaker lab generate it; do not edit it. \`npx vitest run --project labs-cluster
test/labs/pacemaker/agent --update\` writes it again. Each row is one fault on one node, tried with the built executable in
namespaces of its own. What the codes mean and why they are chosen: [resource-agent.md](../operate/resource-agent.md).

The column *engine* shows whether an engine of the resource ran when the fault arrived. \`meta-data\` returned 0 in every row.
After each \`stop\` that returned 0 no engine of the resource lived, and no process of others was ended. A **bold** code is a stop that
could not stop the engine.
`;

const REACTIONS = `## What Pacemaker does with these codes

Each pair of action and code above, given to \`crm_simulate\` of Pacemaker for a cluster of three nodes (n1 to n3) and two remote nodes
(compute-1, compute-2) with fencing and default options. *home* is the node on which the resource runs or is started first.
`;

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function head(names: readonly string[]): readonly string[] {
  return [row(names), row(names.map(() => '---'))];
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}

export function document(measurements: readonly Measurement[], reactions: readonly Reaction[]): string {
  const lines = [INTRODUCTION, ...head(['kind', 'fault', 'engine', ...COLUMNS])];
  for (const { fault, state, codes, couldNotStop } of measurements) {
    const cells = COLUMNS.map((action) =>
      action === 'stop' && couldNotStop ? `**${codes.stop}**` : (codes[action] ?? ''),
    );
    lines.push(row([fault.group, escaped(fault.name), state, ...cells]));
  }
  lines.push('', REACTIONS, ...head(['action', 'code', 'on', 'fenced', 'the resource runs']));
  for (const { action, code, where, outcome } of reactions)
    lines.push(row([action, code, where, outcome.fenced.join(', ') || 'none', outcome.runsOn]));
  return `${lines.join('\n')}\n`;
}
