/** What must hold when a history has ended and operators have done their part. Pure. */
import type { World } from '#engine/cloud/simulated/world.ts';
import type { LogbookRow } from '#engine/journal/rows.ts';
import type { RandomHistory } from './history.ts';
import type { Acknowledged } from './reporters.ts';

export interface Ending {
  readonly history: RandomHistory;
  readonly world: Pick<World, 'instances' | 'counts'>;
  /** All that the journal has, newest first. */
  readonly rows: readonly LogbookRow[];
  readonly acknowledged: readonly Acknowledged[];
  /** Of each host, ms. */
  readonly diedAt: ReadonlyMap<string, number>;
  readonly hasPower: (host: string) => boolean;
}

export function violationsAtEnd(ending: Ending): string[] {
  const { world, rows, acknowledged } = ending;
  const known = new Set(rows.map(({ uuid }) => uuid));
  const lost = acknowledged.filter(({ uuid }) => !known.has(uuid));
  const { duplicates } = world.counts;
  return [
    ...lost.map(({ report }) => `an acknowledged report about ${report.notification.hostname} is not in the journal`),
    ...(duplicates > 0 ? [`${duplicates} evacuations were requested while another one was open`] : []),
    ...rows.flatMap(openOrSilent),
    ...notRecovered(ending),
  ];
}

/** Every report ends or is parked, and one that nothing was done about has a reason. */
function openOrSilent({ uuid, type, status, message, closed_at, parked_reason }: LogbookRow): string[] {
  if (closed_at === null && parked_reason === null)
    return [`report ${uuid} (${type}) stays ${status}: ${message ?? 'no reason'}`];
  if ((status === 'ignored' || status === 'failed') && !message) {
    return [`report ${uuid} (${type}) ended ${status} without a reason`];
  }
  return [];
}

/** Instances on a host whose death was reported with host_status NORMAL, and of which no failure is visible. */
function notRecovered(ending: Ending): string[] {
  const { history, world } = ending;
  const { evacuateAll } = history.choices;
  const wanted = history.instances.filter(({ isMarked }) => isMarked || evacuateAll);
  return wanted.flatMap(({ uuid }) => {
    const { host, vmState } = world.instances.get(uuid) ?? { host: null, vmState: 'deleted' };
    if (host === null || ending.hasPower(host) || !isReported(ending, host) || isVisible(ending, host)) return [];
    return [`instance ${uuid} (${vmState}) is on the dead host ${host}, and no failure is visible`];
  });
}

function isReported({ acknowledged, diedAt }: Ending, host: string): boolean {
  return acknowledged.some(({ report: { notification, madeAt } }) => {
    if (notification.type !== 'COMPUTE_HOST' || notification.hostname !== host) return false;
    const { event, host_status } = notification.payload;
    return event === 'STOPPED' && host_status === 'NORMAL' && madeAt >= (diedAt.get(host) ?? 0);
  });
}

/** The newest recovery of the host failed with a reason, or waits with one. */
function isVisible({ rows }: Ending, host: string): boolean {
  const own = rows.filter(({ type, host: place, payload }) => {
    return type === 'COMPUTE_HOST' && place === host && payload.includes('STOPPED');
  });
  return own.some(({ status, message, parked_reason: held }) => (status === 'failed' && message) || held);
}
