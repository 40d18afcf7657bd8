/**
 * A small Nova for one instance, as values: every state and every way out of it can be listed. Pure.
 *
 * It accepts a second evacuation while the first runs, as Nova does, and remembers that it happened. A request that is late is
 * carried out within QUEUE_TICKS or never.
 */
import { type Evacuation, type Instance, POWER_STATE } from '#engine/cloud/cloud.ts';

export type RecordState = 'accepted' | 'abandoned' | 'done' | 'error' | 'completed';

export interface Nova {
  readonly host: 'source' | 'target';
  readonly vm: 'active' | 'stopped' | 'error' | 'suspended';
  readonly task: 'rebuilding' | 'rebooting' | null;
  /** Oldest first. */
  readonly records: readonly RecordState[];
  /** Ages of requests for an evacuation that are on their way, in ticks. */
  readonly queue: readonly number[];
  readonly cell: 'answers' | 'down' | 'was down';
  /** `returned`: it runs again and is still forced down. */
  readonly source: 'dead' | 'returned';
  readonly target: 'alive' | 'died';
  /** Two evacuations of the instance were open at one time. */
  readonly isDouble: boolean;
}

export const QUEUE_TICKS = 2;
export const SOURCE = 'source';

export function novaAt(vm: Nova['vm'], task: Nova['task']): Nova {
  return {
    host: SOURCE,
    vm,
    task,
    records: [],
    queue: [],
    cell: 'answers',
    source: 'dead',
    target: 'alive',
    isDouble: false,
  };
}

export type Request = 'evacuate' | 'stop' | 'start' | 'error';
/** Undefined: refused. */
export type Carried = Nova | undefined;

export function carryOut(nova: Nova, request: Request): Carried {
  if (request === 'error') return { ...nova, vm: 'error', task: null };
  if (request === 'stop') {
    if (nova.task !== null || (nova.vm !== 'active' && nova.vm !== 'error')) return undefined;
    return { ...nova, vm: 'stopped' };
  }
  if (request === 'start') return nova.task === null && nova.vm === 'stopped' ? { ...nova, vm: 'active' } : undefined;
  const isAllowed = nova.host === SOURCE && nova.vm !== 'suspended';
  if (!isAllowed) return undefined;
  const isDouble = nova.isDouble || nova.records.some((one) => one === 'accepted' || one === 'abandoned');
  return { ...nova, records: [...nova.records, 'accepted'], task: 'rebuilding', isDouble };
}

export interface Happening {
  readonly name: string;
  readonly to: Nova;
  /** What goes wrong, of which a search allows so many in one way. */
  readonly cost: 0 | 1;
}

/** What may happen by itself next; `nothing` is always possible. */
export function happenings(nova: Nova): Happening[] {
  const found: Happening[] = [{ name: 'nothing', to: nova, cost: 0 }];
  const add = (name: string, change: Partial<Nova>, cost: 0 | 1 = 1): void =>
    void found.push({ name, to: { ...nova, ...change }, cost });
  for (const [place] of nova.queue.entries()) {
    const queue = nova.queue.filter((_, index) => index !== place);
    add('a late request arrives', carryOut({ ...nova, queue }, 'evacuate') ?? { queue }, 0);
  }
  for (const [place, state] of nova.records.entries()) {
    const records = (word: RecordState) => nova.records.map((one, index) => (index === place ? word : one));
    if (state === 'abandoned' && nova.task === 'rebuilding') {
      add('the target restarts and abandons it', { vm: 'error', task: null }, 0);
    }
    if (state !== 'accepted') continue;
    if (nova.host !== SOURCE) {
      add('an evacuation finds the instance gone', { records: records('error') }, 0);
      continue;
    }
    const vm = nova.vm === 'stopped' ? 'stopped' : 'active';
    add('it arrives', { records: records('done'), host: 'target', task: null, vm }, 0);
    add('its evacuation fails', { records: records('error'), vm: 'error', task: null });
  }
  if (nova.target === 'alive') {
    // What was on its way there is never finished; nothing cleans its record up.
    const records = nova.records.map((one) => (one === 'accepted' ? 'abandoned' : one));
    add('the target dies', { target: 'died', records });
  }
  if (nova.source === 'dead') {
    const records = nova.records.map((one) => (one === 'done' ? 'completed' : one));
    add('the source returns', { source: 'returned', records });
  }
  if (nova.cell === 'answers') add('the cell goes down', { cell: 'down' });
  if (nova.cell === 'down') add('the cell is back', { cell: 'was down' }, 0);
  return found;
}

/** One tick passes: what is late for too long never comes. */
export function age(nova: Nova): Nova {
  return { ...nova, queue: nova.queue.map((one) => one + 1).filter((one) => one <= QUEUE_TICKS) };
}

/** What Nova shows while its cell is down: the uuid, and little more. */
const PARTIAL = { host: null, vmState: 'unknown', taskState: null, powerState: POWER_STATE.NOSTATE };

export function instanceIn({ host, vm, task, cell }: Nova): Instance {
  const common = { uuid: 'i', name: 'i', locked: false, metadata: {}, projectId: 'p', userId: 'u' };
  if (cell === 'down') return { ...common, ...PARTIAL };
  const powerState = vm === 'active' ? POWER_STATE.RUNNING : POWER_STATE.SHUTDOWN;
  return { ...common, host, vmState: vm, taskState: task, powerState };
}

/** Newest first. A cell that is down leaves its records out. */
export function evacuationsIn({ records, cell }: Nova): Evacuation[] {
  if (cell === 'down') return [];
  return records
    .map((state, index) => ({
      id: String(index),
      instanceUuid: 'i',
      sourceHost: SOURCE,
      destinationHost: null,
      status: state === 'abandoned' ? 'accepted' : state,
      createdAt: new Date(index),
    }))
    .reverse();
}
