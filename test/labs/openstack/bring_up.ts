import type { LabPlan } from './configuration.ts';
import { makeKeystoneSchema, makeNovaSchemas, makePlacementSchema, sql, startDatabase } from './database.ts';
import { startGlance } from './glance.ts';
import { seedKeystone } from './keystone.ts';
import type { Nova } from './nova.ts';
import type { Processes } from './processes.ts';
import type { RestClient } from './rest.ts';
import {
  startApi,
  startMemcached,
  startNeutronStub,
  startNovaCompute,
  startNovaService,
  startRabbitmq,
} from './services.ts';

/** The start order of a lab, and the return of a host. Services without a dependency start at once. */
export async function bringUp(
  plan: LabPlan,
  processes: Processes,
  nova: Nova,
  rest: RestClient,
  hosts: readonly string[],
): Promise<void> {
  const database = startDatabase(plan, processes);
  const rabbitmq = startRabbitmq(plan, processes);
  const memcached = startMemcached(plan, processes);
  const neutron = startNeutronStub(plan, processes);
  const novaSchemas = database.then(() => makeNovaSchemas(plan, processes, hosts));
  const keystone = database
    .then(() => makeKeystoneSchema(plan, processes))
    .then(() => startApi(plan, processes, 'keystone'));
  const placement = database
    .then(() => makePlacementSchema(plan, processes))
    .then(() => startApi(plan, processes, 'placement'));
  const novaApi = novaSchemas.then(() => startApi(plan, processes, 'nova-api'));
  const accounts = Promise.all([keystone, memcached]).then(() => seedKeystone(plan, rest));
  const images =
    plan.images === 'glance' ? database.then(() => startGlance(plan, processes, rest, accounts)) : undefined;
  const flavors = Promise.all([novaApi, accounts]).then(() => nova.createFlavors());
  const startService = async (which: 'conductor' | 'scheduler', cell: 'first' | 'second' = 'first'): Promise<void> => {
    // At their start they log in to Keystone and connect to Placement.
    await Promise.all([novaSchemas, rabbitmq, accounts, placement]);
    await startNovaService(plan, processes, which, cell);
  };
  const [conductor, scheduler] = [startService('conductor'), startService('scheduler')];
  const secondConductor = plan.secondCell.length > 0 ? startService('conductor', 'second') : undefined;
  // A compute sends one request to its cell's conductor and waits 10 s for the response: the conductor must be there first.
  const computes = Promise.all([conductor, secondConductor, neutron]).then(() =>
    Promise.all(hosts.map((host) => startNovaCompute(plan, processes, host))),
  );
  await Promise.all([flavors, images, scheduler, computes]);
  await Promise.all(hosts.map((host) => computeUp(plan, processes, nova, host)));
}

/** Up, and known to Placement with what it offers. */
async function computeUp(plan: LabPlan, processes: Processes, nova: Nova, host: string): Promise<void> {
  const offers = `SELECT p.id FROM inventories JOIN resource_providers p ON p.id = resource_provider_id
    WHERE p.name = '${host}'`;
  await processes.ready(`compute-${host}`, 60, async () => {
    const { state } = await nova.computeService(host);
    return state === 'up' && (await sql(plan, offers, 'placement')).length > 0 ? true : undefined;
  });
}

/**
 * Starts nova-compute if it does not run, then un-forces and enables it. Nova refuses to un-force a host (400) while
 * evacuations from it have the state `done`. A starting compute turns them into `completed`, but only one for each instance:
 * after repeated evacuations it must be started as often.
 */
export async function returnCompute(plan: LabPlan, processes: Processes, nova: Nova, host: string): Promise<void> {
  const name = `compute-${host}`;
  if (!processes.isRunning(name)) await startNovaCompute(plan, processes, host);
  for (let restarts = 0; ; restarts += 1) {
    const { id, forced_down } = await nova.computeService(host);
    if (!forced_down) break;
    const answer = await nova.request('PUT', `/os-services/${id}`, { forced_down: false });
    if (answer.status === 200) break;
    if (restarts === 5) throw new Error(`Nova keeps ${host} forced down: ${JSON.stringify(answer.body)}`);
    await processes.kill(name);
    await startNovaCompute(plan, processes, host);
  }
  await computeUp(plan, processes, nova, host);
  // Last: Nova enables a host in Placement again only if its compute is up at that moment.
  await nova.changeService(host, { status: 'enabled' });
}
