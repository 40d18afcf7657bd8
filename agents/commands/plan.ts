/** `recovery-agent plan --host HOST`: what the engine would do if hosts failed now. */
import { printable } from '#protocol/printable.ts';
import type { HostPlanView, PlannedInstanceView, PlanView } from '#protocol/views.ts';
import { type Command, ENGINE_OPTIONS, JSON_OPTION } from '../command.ts';
import { engineAddressOf } from '../engine-address.ts';
import { withEngine } from '../engine-client.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { print, printJson, table } from '../output/output.ts';

function startOf({ status, message, held }: HostPlanView): string {
  if (status === 'ignored') return `is not recovered: ${message}`;
  return held === null ? 'starts at once' : `is held: ${held}`;
}

function flowsOf({ recovery_method, flows, no_flow }: HostPlanView): string {
  if (no_flow !== null) return `${recovery_method}: ${no_flow}`;
  const names = flows.map(({ name, reserved_host }) => (reserved_host === null ? name : `${name} to ${reserved_host}`));
  return `${recovery_method}: ${names.join(', if that fails ')}`;
}

const EVACUATES = 'evacuate_instances_task';
const NOT_SHOWN = `No ${EVACUATES} in this flow: what its other tasks do with the instances is not shown.`;

function instanceTable(instances: readonly PlannedInstanceView[]): string {
  const rows = instances.map((one) => [
    one.place,
    one.phase,
    one.action,
    one.instance_uuid,
    one.name,
    one.priority,
    one.ha_enabled ? 'yes' : 'no',
    one.group,
    one.state,
    one.final_state,
    one.reason,
  ]);
  const head = ['Order', 'Phase', 'Action', 'Instance', 'Name', 'Priority', 'HA', 'Group', 'State', 'Then', 'Reason'];
  return table(head, rows);
}

function describeHost(plan: HostPlanView): string {
  const { host, tasks, instances } = plan;
  const moved = instances.filter(({ action }) => action === 'evacuate').length;
  const lines = {
    Host: host,
    Recovery: startOf(plan),
    Method: flowsOf(plan),
    Tasks: tasks.map(({ phase, name }) => `${phase} ${name}`).join(', '),
    Instances: `${moved} evacuated, ${instances.length - moved} left`,
  };
  const head = Object.entries(lines).map(([name, value]) => `${`${name}:`.padEnd(11)} ${printable(value)}`);
  const isShown = tasks.some(({ name }) => name === EVACUATES);
  const note = isShown || tasks.length === 0 ? [] : [NOT_SHOWN];
  return [...head, ...note, ...(instances.length > 0 ? [instanceTable(instances)] : [])].join('\n');
}

export const plan: Command = {
  name: 'plan',
  summary: 'Shows what the engine would do if a host failed now: gates, flow, and each instance in its order',
  positionals: '',
  options: {
    host: { type: 'string', value: 'HOST', isMultiple: true, help: 'a host; several, as if they failed together' },
    ...JSON_OPTION,
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 0,
  async run(line) {
    const hosts = line.texts('host');
    if (hosts.length === 0) throw new CommandFailure(EXIT.usage, 'plan: --host HOST is missing');
    const response = await withEngine(engineAddressOf(line), (client) => client.call('plan', { hosts }));
    const view = response as PlanView;
    if (line.has('json')) printJson(view);
    else print(view.hosts.map(describeHost).join('\n\n'));
    return EXIT.ok;
  },
};
