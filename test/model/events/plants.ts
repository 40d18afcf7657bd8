/** Faults of each kind, planted through the seams of the world: the search has to find every one of them. */
import type { Mutation } from '#engine/journal/mutations.ts';
import type { LogbookRow } from '#engine/journal/rows.ts';
import type { ModelCloud, Plant } from './model-world.ts';

type Changed = Extract<Mutation, { readonly op: 'logbook' }>;

function rewriting(journal: Parameters<NonNullable<Plant['journal']>>[0], rewrite: (one: Changed) => Changed): void {
  const write = journal.write.bind(journal);
  journal.write = (...mutations) => write(...mutations.map((one) => (one.op === 'logbook' ? rewrite(one) : one)));
}

/** Nova's view of a host that does not report any more. */
function deaf(cloud: ModelCloud): void {
  const read = cloud.computeService.bind(cloud);
  const first = new Map<string, Date | null>();
  cloud.computeService = async (host, options) => {
    const service = await read(host, options);
    if (!service || host !== 'c1') return service;
    if (!first.has(host)) first.set(host, service.updatedAt);
    return { ...service, state: 'down', updatedAt: first.get(host) ?? null };
  };
}

export const PLANTS: readonly Plant[] = [
  {
    name: 'a second death counts as a duplicate of the first one',
    found: /rests on the dead host|ran and does not run/,
    among: 'death',
    journal: (journal) => {
      const accept = journal.accept.bind(journal);
      const first = new Map<string, LogbookRow>();
      journal.accept = async (one) => {
        const known = first.get(one.payload);
        if (known && one.type === 'COMPUTE_HOST') return { logbook: known, isDuplicate: true };
        const result = await accept(one);
        first.set(one.payload, result.logbook);
        return result;
      };
    },
  },
  {
    name: 'a host is forced down without a read of its heartbeat',
    found: /was forced down although/,
    among: 'rumour',
    cloud: deaf,
  },
  {
    name: 'an engine that resumes does not read the heartbeat',
    found: /was forced down although/,
    among: 'rumour',
    cloud: (cloud, generation) => {
      if (generation > 1) deaf(cloud);
    },
  },
  {
    name: 'what was read before the cell went down is believed',
    found: /was requested although the cell does not answer/,
    among: 'cell',
    cloud: (cloud, _, world) => {
      for (const name of ['computeService', 'listInstances', 'instance', 'listEvacuations'] as const) {
        const read = cloud[name].bind(cloud) as (about: unknown, options: unknown) => Promise<unknown>;
        const known = new Map<string, unknown>();
        const cached = async (about: unknown, options: unknown): Promise<unknown> => {
          const key = JSON.stringify(about);
          if (world.isNotListed({ host: 'c1' }) && known.has(key)) return known.get(key);
          known.set(key, await read(about, options));
          return known.get(key);
        };
        Object.assign(cloud, { [name]: cached });
      }
    },
  },
  {
    name: 'a superseded report is closed instead of parked',
    found: /ran and does not run/,
    among: 'crash',
    journal: (journal) =>
      rewriting(journal, (one) => {
        if (!one.parked) return one;
        const { parked: _, ...rest } = one;
        return { ...rest, status: 'ignored', message: 'Superseded.' };
      }),
  },
  {
    name: 'the step that starts what ran is missing',
    found: /ran and does not run/,
    among: 'reboot',
    journal: (journal) => {
      const plan = journal.planSteps.bind(journal);
      journal.planSteps = (atomId, steps) =>
        plan(
          atomId,
          steps.filter(({ kind }) => kind !== 'start'),
        );
    },
  },
  {
    name: 'an evacuation is requested twice',
    found: /evacuations were requested while another one was open/,
    among: 'death',
    cloud: (cloud) => {
      const evacuate = cloud.evacuate.bind(cloud);
      cloud.evacuate = async (...request) => {
        await evacuate(...request);
        return evacuate(...request);
      };
    },
  },
  {
    name: 'an end without a reason',
    found: /ended ignored without a reason/,
    among: 'reboot',
    journal: (journal) => rewriting(journal, (one) => (one.status === 'ignored' ? { ...one, message: null } : one)),
  },
  {
    name: 'a report that the queue does not see',
    found: /stays new/,
    among: 'crash',
    journal: (journal) => {
      const query = journal.query.bind(journal) as (...parameters: unknown[]) => Promise<unknown>;
      const blind = async (name: string, ...parameters: unknown[]): Promise<unknown> => {
        const rows = await query(name, ...parameters);
        return name === 'open' ? (rows as LogbookRow[]).filter(({ type }) => type !== 'VM') : rows;
      };
      Object.assign(journal, { query: blind });
    },
  },
];
