/** Is a notification a failure to recover? Masakari's rules, each answer with its reason. Pure. */
import type { FailoverSegment } from '#config/segments.ts';
import type { Notification } from '#protocol/notification.ts';
import type { LogbookStatus, Proof } from '../journal/words.ts';
import type { ReportOrder } from './report-order.ts';

export type NotificationVerdict = {
  readonly status: 'new' | 'ignored' | 'finished';
  /** Why it is not recovered; null for `new`. */
  readonly reason: string | null;
};

/** What is known, when a host came back, of what is to be done about it. */
export interface ReturnFacts {
  /** Whether the flow host_return has tasks. */
  readonly returnTasks: boolean;
  /** Whether the flow host_reboot has tasks. */
  readonly rebootTasks: boolean;
  /** The recovery of the host's last failure since its last return; null: there is none. */
  readonly failure: LogbookStatus | null;
}

const NOTHING_TO_RUN: ReturnFacts = { returnTasks: false, rebootTasks: false, failure: null };

const RECOVER: NotificationVerdict = { status: 'new', reason: null };
const ignored = (reason: string): NotificationVerdict => ({ status: 'ignored', reason });
const finished = (reason: string): NotificationVerdict => ({ status: 'finished', reason });

/** Events of an instance that mean it failed; anything else (an operator's destroy, a guest's shutdown …) is no failure. */
const INSTANCE_FAILURES: ReadonlySet<string> = new Set([
  'QEMU_GUEST_AGENT_ERROR/STOPPED_FAILED',
  'LIFECYCLE/STOPPED_FAILED',
  'IO_ERROR/IO_ERROR_REPORT',
]);

/**
 * @param segment the failover segment of the host; undefined when segments are configured and none holds it
 * @param proof `operator`: a person says that the host is down, which stands in for host_status NORMAL
 * @param back asked for only when the host came back
 */
export function judgeNotification(
  notification: Notification,
  segment: FailoverSegment | undefined,
  proof: Proof = 'none',
  back: ReturnFacts = NOTHING_TO_RUN,
): NotificationVerdict {
  if (!segment) return ignored(`Host '${notification.hostname}' is in no failover segment.`);
  // Masakari's own words and spelling: tools match on them.
  if (!segment.enabled) return ignored('Recovery aboart: the segment HA is disabled.');
  switch (notification.type) {
    case 'COMPUTE_HOST': {
      const { event, host_status } = notification.payload;
      if (event === 'STARTED') return judgeReturn(notification, back);
      if (host_status === 'NORMAL' || proof === 'operator') return RECOVER;
      return ignored(
        `Host '${notification.hostname}' is not proven dead: host_status is ${host_status ?? 'missing'}, NORMAL is needed.`,
      );
    }
    case 'PROCESS': {
      const { event, process_name } = notification.payload;
      if (event === 'STARTED') return finished(`Process '${process_name}' came back.`);
      if (process_name === 'nova-compute') return RECOVER;
      return finished(`Process '${process_name}' needs no recovery; only nova-compute does.`);
    }
    case 'VM': {
      const { event, vir_domain_event } = notification.payload;
      if (INSTANCE_FAILURES.has(`${event}/${vir_domain_event}`)) return RECOVER;
      return ignored(`Event ${event}/${vir_domain_event} of an instance is not a failure.`);
    }
  }
}

/** Which of the two flows runs is decided when the recovery of the failure has ended: see `decideReturnFlow`. */
function judgeReturn(
  { hostname }: Notification,
  { returnTasks, rebootTasks, failure }: ReturnFacts,
): NotificationVerdict {
  const mayHaveRebooted = rebootTasks && failure !== null && failure !== 'finished';
  return returnTasks || mayHaveRebooted ? RECOVER : finished(`Host '${hostname}' came back.`);
}

/** What is known of the last failure of a host that came back, when the return is acted on. */
export interface FailureFacts {
  readonly status: LogbookStatus;
  readonly hasBegun: boolean;
  readonly order: ReportOrder;
}

export type ReturnDecision =
  | { readonly flow: 'host_return' | 'host_reboot' }
  /** Nothing is to be done; `ignored`: the return is over. */
  | { readonly flow: null; readonly status: 'finished' | 'ignored'; readonly reason: string };

/**
 * @param failure the last one before the return, and after the return before; null: none
 * @param hasFailedSince a recovery of a later failure of the host has begun, or an operator stated later that the host is down
 */
export function decideReturnFlow(
  host: string,
  failure: FailureFacts | null,
  hasFailedSince: boolean,
  { returnTasks, rebootTasks }: Pick<ReturnFacts, 'returnTasks' | 'rebootTasks'>,
): ReturnDecision {
  if (hasFailedSince || (failure?.order === 'in doubt' && failure.hasBegun)) {
    return { flow: null, status: 'ignored', reason: `Host '${host}' came back, but has failed again since.` };
  }
  // Its instances were not moved: what ran is started in place.
  const isReboot = failure !== null && failure.status !== 'finished' && !failure.hasBegun;
  if (isReboot && rebootTasks) return { flow: 'host_reboot' };
  return returnTasks
    ? { flow: 'host_return' }
    : { flow: null, status: 'finished', reason: `Host '${host}' came back.` };
}

/** What a recovery of it works on; one target has one open flow. */
export function targetOf(notification: Notification): string {
  return notification.type === 'VM'
    ? `instance:${notification.payload.instance_uuid.toLowerCase()}`
    : hostTarget(notification.hostname);
}

/** The target of recoveries of a host. */
export function hostTarget(host: string): string {
  return `host:${host}`;
}
