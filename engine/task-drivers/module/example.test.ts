/** docs/examples/tasks/update_inventory.ts as the driver runs it, against a real HTTP server. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ModuleTask } from '#test/world/module-task.ts';
import { NotDone, TaskFailure } from '../../flow/outcome.ts';
import type { DriverCall } from '../driver.ts';
import { moduleDriver } from './driver.ts';

const EXAMPLE = fileURLToPath(new URL('../../../docs/examples/tasks/update_inventory.ts', import.meta.url));

/** An inventory that has one entry for each host, or responds with one code only. */
class Inventory implements AsyncDisposable {
  readonly entries = new Map<string, object>();
  readonly keys: unknown[] = [];
  answersWith: number | undefined;
  readonly #server = createServer(async (request, response) => {
    const { url = '', method } = request;
    const sent = method === 'PUT' ? ((await json(request)) as object) : undefined;
    if (this.answersWith === undefined && sent) {
      this.keys.push(request.headers['idempotency-key']);
      this.entries.set(url, { id: 'entry-1', ...sent });
    }
    const entry = this.entries.get(url);
    response.writeHead(this.answersWith ?? (entry ? 200 : 404), { 'content-type': 'application/json' });
    response.end(JSON.stringify(entry ?? {}));
  });

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

let place: ModuleTask;
let inventory: Inventory;
beforeEach(async () => {
  place = new ModuleTask();
  inventory = await new Inventory().listen();
});
afterEach(async () => {
  place[Symbol.dispose]();
  await inventory[Symbol.asyncDispose]();
});

const call = (): DriverCall => place.call(EXAMPLE, { parameters: { inventory: inventory.url } });

describe('the example update_inventory.ts', { timeout: 60_000 }, () => {
  it('writes the entry, finds that it did, and undoes it', async () => {
    expect(await moduleDriver.check?.(call())).toEqual({ state: 'not done' });
    expect(await moduleDriver.run(call())).toEqual({ inventory_entry: 'entry-1' });
    const by = call().stepKey;
    expect([...inventory.entries]).toEqual([['/hosts/compute-1', { id: 'entry-1', state: 'down', by }]]);
    expect(place.progress[0]?.message).toBe('Marking compute-1 as down in the inventory');
    expect(await moduleDriver.check?.(call())).toEqual({ state: 'done', outputs: { inventory_entry: 'entry-1' } });
    await moduleDriver.undo?.(call());
    expect(inventory.entries.get('/hosts/compute-1')).toMatchObject({ state: 'up' });
    expect(inventory.keys).toEqual([`${by}/down`, `${by}/up`]);
    // A task that was rolled back counts as not done, and runs again in the next round.
    expect(await moduleDriver.check?.(call())).toEqual({ state: 'not done' });
  });

  it('undoes nothing that it did not do', async () => {
    await moduleDriver.undo?.(call());
    expect([...inventory.entries]).toEqual([]);
    const entry = { id: 'entry-1', state: 'down', by: 'an operator' };
    inventory.entries.set('/hosts/compute-1', entry);
    await moduleDriver.undo?.(call());
    expect(inventory.entries.get('/hosts/compute-1')).toBe(entry);
    inventory.answersWith = 500;
    await expect(moduleDriver.undo?.(call())).rejects.toThrow(/the effect to undo is unknown: .* responded 500/);
  });

  it('reports that nothing was done if the inventory accepts nothing, and fails with other responses', async () => {
    inventory.answersWith = 503;
    await expect(moduleDriver.run(call())).rejects.toThrow(NotDone);
    inventory.answersWith = 500;
    await expect(moduleDriver.run(call())).rejects.toThrow(new TaskFailure('the inventory responded 500'));
    expect(await moduleDriver.check?.(call())).toEqual({ state: 'unknown', reason: 'the inventory responded 500' });
  });
});
