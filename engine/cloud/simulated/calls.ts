/** Responses of the simulated cloud to each call: the same methods in process and over a socket, JSON in and out. */
import { CloudError } from '#openstack/cloud-error.ts';
import { POWER_STATE } from '../cloud.ts';
import { cellDown } from '../reading.ts';
import type { Arguments } from './arguments.ts';
import { WORKFLOW_ACTS, WORKFLOW_READS } from './workflow-calls.ts';
import type { World } from './world.ts';

/** A call that reached the world, and whether the world carried it out. */
export interface Call {
  readonly method: string;
  readonly args: Arguments;
  readonly outcome: 'answered' | CloudError['kind'];
}

const text = (value: unknown): string => String(value);
const optional = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : String(value);
const since = (value: unknown): number => (value === undefined ? Number.NEGATIVE_INFINITY : Date.parse(text(value)));

function viewService(world: World, name: string): unknown {
  const host = world.hosts.get(name);
  if (!host) return null;
  if (world.isNotListed({ host: name })) throw cellDown(`host ${name}`);
  const { id, status, forcedDown, disabledReason } = host;
  const updatedAt = world.updatedAtOf(host);
  return { id, host: name, status, state: world.stateOf(host), forcedDown, disabledReason, updatedAt };
}

/** Since 2.69 Nova returns of an instance in a cell that is down only the data of its API database. */
function viewInstance(world: World, uuid: string): unknown {
  const found = world.instances.get(uuid);
  if (!found || !world.isNotListed({ uuid })) return found && found.vmState !== 'deleted' ? found : null;
  const { projectId, userId } = found;
  const nothing = { host: null, vmState: 'unknown', taskState: null, powerState: POWER_STATE.NOSTATE, locked: false };
  return { uuid, name: '', ...nothing, metadata: {}, projectId, userId };
}

/** Any filter omits the instances of a cell that is down, with status 200. */
function listInstances(world: World, { host, changedSince }: Arguments): unknown {
  const { foreignListing } = world.behaviour;
  const isFiltered = host !== undefined || changedSince !== undefined;
  const first = since(changedSince);
  const items = [...world.instances.values()]
    .filter((one) => host === undefined || foreignListing || one.host === host)
    .filter((one) => one.changedAt >= first && (changedSince !== undefined || one.vmState !== 'deleted'))
    .filter(({ uuid }) => !isFiltered || !world.isNotListed({ uuid }))
    .map(({ uuid, ...one }) => (world.isNotListed({ uuid }) ? viewInstance(world, uuid) : { uuid, ...one }));
  return { at: world.now(), items };
}

const READS: Readonly<Record<string, (world: World, args: Arguments) => unknown>> = {
  check: () => null,
  computeService: (world, { host }) => viewService(world, text(host)),
  computeHosts: (world) => ({
    names: [...world.hosts.keys()],
    forcedDown: [...world.hosts].filter(([, { forcedDown }]) => forcedDown).map(([name]) => name),
    silent: [...world.hosts]
      .filter(([, host]) => !host.forcedDown && world.stateOf(host) === 'down')
      .map(([name]) => name),
    deadServices: world.behaviour.deadServices,
    isComplete: true,
  }),
  instance: (world, { uuid }) => viewInstance(world, text(uuid)),
  listInstances,
  listEvacuations: (world, { sourceHost, changedSince }) => {
    const first = since(changedSince);
    const items = world.isNotListed({ host: text(sourceHost) })
      ? []
      : world.evacuations.filter((one) => one.sourceHost === sourceHost && one.changedAt >= first);
    return { at: world.now(), items };
  },
  listMigrations: (world, { sourceHost }) => ({
    at: world.now(),
    items: world.isNotListed({ host: text(sourceHost) }) ? [] : world.migrationsFrom(text(sourceHost)),
  }),
  listAggregates: (world) => [...world.aggregates.values()],
  instanceActions: (world, { uuid }) => {
    assertListed(world, { uuid });
    return world.actionsOf(text(uuid));
  },
  userAddress: (world, { id }) => world.userAddresses.get(text(id)) ?? null,
  projectAddress: (world, { id }) => world.projectAddresses.get(text(id)) ?? null,
};

const ACTS: Readonly<Record<string, (world: World, args: Arguments, requestId: string) => void>> = {
  changeService: (world, { host, status, disabledReason, forcedDown }) => {
    const found = world.requireHost(text(host));
    // If a part of a change is refused, the whole is refused.
    if (forcedDown === false) world.requireCleaned(found);
    if (status === 'enabled') Object.assign(found, { status, disabledReason: null });
    if (status === 'disabled') Object.assign(found, { status, disabledReason: optional(disabledReason) ?? null });
    if (typeof forcedDown === 'boolean') found.forcedDown = forcedDown;
    found.updatedAt = world.now();
  },
  evacuate: (world, { uuid, host }) => world.evacuate(text(uuid), optional(host)),
  stop: (world, { uuid }, requestId) => world.stop(text(uuid), requestId),
  start: (world, { uuid }, requestId) => world.start(text(uuid), requestId),
  resetState: (world, { uuid, state }) => world.resetState(text(uuid), state === 'active' ? 'active' : 'error'),
  reboot: (world, { uuid }, requestId) => world.reboot(text(uuid), requestId),
  rebuild: (world, { uuid }, requestId) => world.rebuild(text(uuid), requestId),
  migrate: (world, { uuid, type, host }, requestId) =>
    world.migrate(text(uuid), type === 'cold' ? 'cold' : 'live', text(host), requestId),
  confirmResize: (world, { uuid }, requestId) => world.confirmResize(text(uuid), requestId),
  addHostToAggregate: (world, { id, host }) => world.addToAggregate(text(id), text(host)),
};

export function isAct(method: string): boolean {
  return Object.hasOwn(ACTS, method) || Object.hasOwn(WORKFLOW_ACTS, method);
}

/** A call concerning an object whose cell is down ends in Nova's 500, before anything was done. */
function assertListed(world: World, { uuid, host }: Arguments): void {
  const object = uuid === undefined ? { host: text(host) } : { uuid: text(uuid) };
  if (!world.isNotListed(object)) return;
  throw new CloudError('unknown', 'Nova responded 500: (pymysql.err.OperationalError) DBConnectionError', {
    status: 500,
  });
}

/** Carries out one call. Throws `CloudError`, also for requests and responses that are lost at random. */
export function callWorld(world: World, method: string, args: Arguments): unknown {
  world.catchUp();
  if (world.behaviour.isAway) throw new CloudError('unreachable', 'the simulated cloud is away');
  const object = text(args.uuid ?? args.host ?? args.sourceHost ?? args.id);
  const read = READS[method];
  if (read) {
    world.assertPermitted(method, object);
    return structuredClone(read(world, args));
  }
  const readWorkflow = WORKFLOW_READS[method];
  if (readWorkflow) return structuredClone(readWorkflow(world.workflows, args));
  const act = actOf(method);
  if (!act) throw new CloudError('refused', `the simulated cloud has no call ${method}`, { status: 400 });
  const { lostRequests, lostReplies, lateEvacuations } = world.behaviour;
  const lost = new CloudError('unknown', `the response to ${method} did not arrive`);
  if (world.random.next() < lostRequests) throw lost;
  world.assertPermitted(method, object);
  // Aggregates are in the API database, and workflows are not Nova's.
  if (args.id === undefined) assertListed(world, args);
  if (method === 'evacuate' && world.random.next() < lateEvacuations) {
    world.evacuateLate(text(args.uuid), optional(args.host));
    throw lost;
  }
  const requestId = `req-${world.random.uuid()}`;
  act(world, args, requestId);
  if (world.random.next() < lostReplies) throw lost;
  return { requestId };
}

/** As `callWorld`. @param observe receives the call after its effect and before the response leaves */
export function callObserved(world: World, method: string, args: Arguments, observe: (call: Call) => void): unknown {
  let result: unknown;
  try {
    result = callWorld(world, method, args);
  } catch (error) {
    if (error instanceof CloudError) observe({ method, args, outcome: error.kind });
    throw error;
  }
  observe({ method, args, outcome: 'answered' });
  return result;
}

function actOf(method: string): (typeof ACTS)[string] | undefined {
  const workflowAct = WORKFLOW_ACTS[method];
  return workflowAct ? (world, args) => workflowAct(world.workflows, args) : ACTS[method];
}
