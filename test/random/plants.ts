/** Faults that replace one part of the engine at its interface: the property has to find every one of them. */
import type { Mutation } from '#engine/journal/mutations.ts';
import type { LogbookRow } from '#engine/journal/rows.ts';
import type { Plant, RandomCloud } from './random-stage.ts';

type Query = (name: string, ...parameters: unknown[]) => Promise<unknown>;
type PlantedJournal = Parameters<NonNullable<Plant['journal']>>[0];

function rewriteQuery(journal: PlantedJournal, rewrite: (name: string, result: unknown) => unknown): void {
  const query = journal.query.bind(journal) as Query;
  const rewritten: Query = async (name, ...parameters) => rewrite(name, await query(name, ...parameters));
  Object.assign(journal, { query: rewritten });
}

/** Nova's view of hosts of which none reports. */
function deaf(cloud: RandomCloud): void {
  const read = cloud.computeService.bind(cloud);
  cloud.computeService = async (host, options) => {
    const service = await read(host, options);
    return service && { ...service, state: 'down' };
  };
}

function isDeathReport({ type, payload }: Pick<LogbookRow, 'type' | 'payload'>): boolean {
  return type === 'COMPUTE_HOST' && payload.includes('STOPPED');
}

export const PLANTS: readonly Plant[] = [
  {
    name: 'the limits on failed hosts are missing',
    found: /started although .* hosts (?:are down|started before)/,
    seed: 8,
    configuration: ({ options, ...rest }) => ({
      ...rest,
      options: { ...options, gates: { ...options.gates, maxFailedHostsPercent: 100, maxHosts: 0 } },
    }),
  },
  {
    name: 'an engine forgets the pause',
    found: /started although recoveries are paused/,
    seed: 13,
    journal: (journal) => rewriteQuery(journal, (name, result) => (name === 'pause' ? null : result)),
  },
  {
    name: 'the death of another host counts as a duplicate',
    found: /is on the dead host .* no failure is visible/,
    seed: 3,
    journal: (journal) => {
      const accept = journal.accept.bind(journal);
      let first: LogbookRow | undefined;
      journal.accept = async (one) => {
        if (!isDeathReport(one) || !first) {
          const result = await accept(one);
          if (isDeathReport(one)) first = result.logbook;
          return result;
        }
        return { logbook: first, isDuplicate: true };
      };
    },
  },
  {
    name: 'a report is acknowledged before it is written',
    found: /acknowledged report about .* is not in the journal/,
    seed: 1,
    journal: (journal) => {
      const accept = journal.accept.bind(journal);
      journal.accept = async (one) => {
        if (one.type !== 'VM') return accept(one);
        const { uuid, host, payload } = one;
        return { logbook: { uuid, host, payload, type: 'VM' } as LogbookRow, isDuplicate: false };
      };
    },
  },
  {
    name: 'an engine acts without the lease',
    found: /which lost its lease, requested/,
    seed: 77,
    journal: (journal) => {
      journal.isFresh = () => true;
    },
  },
  {
    name: 'a host is forced down without a read of its heartbeat',
    found: /was forced down although its nova-compute reported|was evacuated although it runs/,
    seed: 15,
    cloud: deaf,
  },
  {
    name: 'host_status UNKNOWN is taken for a proof',
    found: /was forced down without a report that proves its death/,
    seed: 17,
    journal: (journal) => {
      const accept = journal.accept.bind(journal);
      journal.accept = (one) => accept(isDeathReport(one) ? { ...one, status: 'new', message: null } : one);
    },
  },
  {
    name: 'unmarked instances precede those with HA_Enabled',
    found: /without HA_Enabled is planned before one with it/,
    seed: 1,
    task: (task) =>
      task.name !== 'prepare_HA_enabled_instances_task'
        ? task
        : {
            ...task,
            run: async (context) => {
              const { instance_list: list, ...rest } = await task.run(context);
              return { ...rest, instance_list: Array.isArray(list) ? list.toReversed() : (list ?? null) };
            },
          },
  },
  {
    name: 'the projects of a host do not alternate',
    found: /instances of one project are planned before the first ones of another/,
    seed: 1,
    cloud: (cloud) => {
      const list = cloud.listInstances.bind(cloud);
      cloud.listInstances = async (...parameters) => {
        const { at, items } = await list(...parameters);
        // The engine takes all for instances of one project.
        return { at, items: items.map((one) => ({ ...one, projectId: 'alpha' })) };
      };
    },
  },
  {
    name: 'an evacuation is requested twice',
    found: /evacuations were requested while another one was open/,
    seed: 1,
    cloud: (cloud) => {
      const evacuate = cloud.evacuate.bind(cloud);
      cloud.evacuate = async (...request) => {
        await evacuate(...request);
        return evacuate(...request);
      };
    },
  },
  {
    name: 'a failure has no reason',
    found: /ended (?:failed|ignored) without a reason/,
    seed: 1,
    journal: (journal) => {
      const write = journal.write.bind(journal);
      const silent = (one: Mutation): Mutation => (one.op === 'logbook' ? { ...one, message: null } : one);
      journal.write = (...mutations) => write(...mutations.map(silent));
    },
  },
  {
    name: 'the instances of a live host are evacuated too',
    found: /was evacuated although it runs|which did not fail and whose host did not/,
    seed: 1,
    cloud: (cloud) => {
      const list = cloud.listInstances.bind(cloud);
      cloud.listInstances = async (filter, options) => {
        const { at, items } = await list({}, options);
        const { host } = filter;
        return { at, items: host === undefined ? items : items.map((one) => ({ ...one, host })) };
      };
    },
  },
];
