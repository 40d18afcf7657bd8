/**
 * Writes into an inventory, over HTTP, that a host is down. A task in TypeScript; in the file of task lists:
 *
 *     [update_inventory]
 *     driver = module
 *     module = /usr/share/doc/recovery-agent/examples/tasks/update_inventory.ts
 *     after_crash = check
 *     undo = true
 *     provides = inventory_entry
 *     inventory = http://inventory.example:8080
 *
 * Copied to where it runs, it takes its types from /usr/share/recovery-agent/task.d.ts.
 */
import type { Call, CheckVerdict, Outputs } from './task.d.ts';

const urlOf = ({ inputs, parameters }: Call): string =>
  `${parameters.inventory}/hosts/${encodeURIComponent(String(inputs.host_name))}`;

async function put(call: Call, state: 'down' | 'up'): Promise<Outputs> {
  const response = await fetch(urlOf(call), {
    method: 'PUT',
    // Who asks twice with the same key changes nothing.
    headers: { 'content-type': 'application/json', 'idempotency-key': `${call.step_key}/${state}` },
    body: JSON.stringify({ state, by: call.step_key }),
    signal: call.signal,
  });
  // 503: the inventory did not take the request.
  if (response.status === 503) throw call.notDone('the inventory takes nothing at present');
  if (!response.ok) throw new Error(`the inventory answered ${response.status}`);
  return (await response.json()) as Outputs;
}

export async function run(call: Call): Promise<Outputs> {
  call.progress(`Telling the inventory that ${call.inputs.host_name} is down`, 0);
  const { id = null } = await put(call, 'down');
  return { inventory_entry: id };
}

export async function check(call: Call): Promise<CheckVerdict> {
  const response = await fetch(urlOf(call), { signal: call.signal });
  if (response.status === 404) return { state: 'not done' };
  if (!response.ok) return { state: 'unknown', reason: `the inventory answered ${response.status}` };
  const entry = (await response.json()) as Outputs;
  return entry.by === call.step_key && entry.state === 'down'
    ? { state: 'done', outputs: { inventory_entry: entry.id ?? null } }
    : { state: 'not done' };
}

export async function undo(call: Call): Promise<void> {
  // It is also called when nothing was done, and then the entry is somebody else's.
  const found = await check(call);
  if (found.state === 'unknown') throw new Error(`what is to be taken back is not known: ${found.reason}`);
  if (found.state === 'done') await put(call, 'up');
}
