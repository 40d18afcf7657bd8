/** What a scenario came to, in the numbers that an operator needs first. Pure. */
import { CLOSED_STATUSES } from '#protocol/notification-status.ts';
import type { FinalInstance, FinalNotification, FinalStates } from './final-states.ts';

export interface Summary {
  /** Instances that the engine moved or restarted, and that are well on a host that is alive. */
  readonly recovered: number;
  /** Instances in error, in an unfinished change, or on a host that is dead. */
  readonly left: readonly { readonly instance: string; readonly reason: string }[];
  /** Recoveries that failed or did not end. */
  readonly failed: readonly { readonly notification: string; readonly host: string; readonly reason: string }[];
  /** Recoveries that wait for an operator. */
  readonly held: readonly { readonly notification: string; readonly host: string; readonly reason: string }[];
  /** Evacuations that were requested while another one of the same instance was open: a fault of the engine. */
  readonly duplicates: number;
}

const CLOSED: readonly string[] = CLOSED_STATUSES;

export function summaryOf({ notifications, hosts, instances, duplicates }: FinalStates): Summary {
  const dead = new Set(hosts.filter(({ isAlive }) => !isAlive).map(({ name }) => name));
  const left = instances.flatMap((one) => {
    const reason = whyLeft(one, dead);
    return reason === null ? [] : [{ instance: one.name, reason }];
  });
  const names = new Set(left.map(({ instance }) => instance));
  const recovered = instances.filter(({ name, vmState, isTouched }) => {
    return isTouched && vmState !== 'deleted' && !names.has(name);
  }).length;
  const held = notifications.flatMap((one) => (isHeld(one) ? [described(one, one.parked)] : []));
  const failed = notifications
    .filter((one) => !isHeld(one) && (one.status === 'failed' || !CLOSED.includes(one.status)))
    .map((one) => described(one, one.message ?? `${one.status}: it did not end`));
  return { recovered, left, failed, held, duplicates };
}

function isHeld({ status, parked }: FinalNotification): boolean {
  return parked !== null && !CLOSED.includes(status);
}

function described({ name, host }: FinalNotification, reason: string | null) {
  return { notification: name, host, reason: reason ?? '' };
}

function whyLeft({ host, vmState, taskState }: FinalInstance, dead: ReadonlySet<string>): string | null {
  if (vmState === 'deleted') return null;
  const state = taskState === null ? vmState : `${vmState}, ${taskState}`;
  if (dead.has(host ?? '')) return `${state} on ${host}, which is dead`;
  return vmState === 'error' || taskState !== null ? `${state} on ${host}` : null;
}

/** Where more are left than this, they are counted. */
const MOST_LISTED = 20;

export function describeSummary({ recovered, left, failed, held, duplicates }: Summary): readonly string[] {
  return [
    `instances recovered: ${recovered}`,
    `instances left: ${left.length}`,
    ...listed(left.map(({ instance, reason }) => `${instance}: ${reason}`)),
    `recoveries failed: ${failed.length}`,
    ...listed(failed.map(({ notification, host, reason }) => `${notification} ${host}: ${reason}`)),
    `recoveries held: ${held.length}`,
    ...listed(held.map(({ notification, host, reason }) => `${notification} ${host}: ${reason}`)),
    `evacuations requested while another one was open: ${duplicates}`,
  ];
}

function listed(texts: readonly string[]): readonly string[] {
  const more = texts.length - MOST_LISTED;
  const shown = texts.slice(0, more === 1 ? undefined : MOST_LISTED).map((text) => `  ${text}`);
  return more > 1 ? [...shown, `  and ${more} more`] : shown;
}
