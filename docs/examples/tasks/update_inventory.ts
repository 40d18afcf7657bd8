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
import type { Call, CheckResult, Outputs } from './task.d.ts';

const urlOf = ({ inputs, parameters }: Call): string =>
  `${parameters.inventory}/hosts/${encodeURIComponent(String(inputs.host_name))}`;

async function put(call: Call, state: 'down' | 'up'): Promise<Outputs> {
  const response = await fetch(urlOf(call), {
    method: 'PUT',
    // A second request with the same key has no further effect.
    headers: { 'content-type': 'application/json', 'idempotency-key': `${call.step_key}/${state}` },
    body: JSON.stringify({ state, by: call.step_key }),
    signal: call.signal,
  });
  // 503: the inventory did not accept the request.
  if (response.status === 503) throw call.notDone('the inventory accepts no requests at present');
  if (!response.ok) throw new Error(`the inventory responded ${response.status}`);
  return (await response.json()) as Outputs;
}

export async function run(call: Call): Promise<Outputs> {
  call.progress(`Marking ${call.inputs.host_name} as down in the inventory`, 0);
  const { id = null } = await put(call, 'down');
  return { inventory_entry: id };
}

export async function check(call: Call): Promise<CheckResult> {
  const response = await fetch(urlOf(call), { signal: call.signal });
  if (response.status === 404) return { state: 'not done' };
  if (!response.ok) return { state: 'unknown', reason: `the inventory responded ${response.status}` };
  const entry = (await response.json()) as Outputs;
  return entry.by === call.step_key && entry.state === 'down'
    ? { state: 'done', outputs: { inventory_entry: entry.id ?? null } }
    : { state: 'not done' };
}

export async function undo(call: Call): Promise<void> {
  // It is also called when nothing was done, and then the entry may belong to another recovery.
  const found = await check(call);
  if (found.state === 'unknown') throw new Error(`the effect to undo is unknown: ${found.reason}`);
  if (found.state === 'done') await put(call, 'up');
}
