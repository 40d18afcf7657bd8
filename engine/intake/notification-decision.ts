/** Decides by Masakari's rules whether a notification is a failure to recover, and gives the reason. Pure. */
import type { FailoverSegment } from '#config/options/segments.ts';
import type { Notification } from '#protocol/notification.ts';
import type { LogbookStatus, Proof } from '../journal/rows.ts';
import type { ReportOrder } from './report-order-decision.ts';

export type NotificationDecision = {
  readonly status: 'new' | 'ignored' | 'finished';
  /** Why it is not recovered; null for `new`. */
  readonly reason: string | null;
};

/** Facts about a host that came back. */
export interface ReturnFacts {
  /** Whether the flow host_return has tasks. */
  readonly returnTasks: boolean;
  /** Whether the flow host_reboot has tasks. */
  readonly rebootTasks: boolean;
  /** The recovery of the host's last failure since its last return; null: none. */
  readonly failure: LogbookStatus | null;
}

const NOTHING_TO_RUN: ReturnFacts = { returnTasks: false, rebootTasks: false, failure: null };

const RECOVER: NotificationDecision = { status: 'new', reason: null };
const ignored = (reason: string): NotificationDecision => ({ status: 'ignored', reason });
const finished = (reason: string): NotificationDecision => ({ status: 'finished', reason });

/** Events of an instance that mean a failure; any other event (an operator's destroy, a guest's shutdown …) is none. */
const INSTANCE_FAILURES: ReadonlySet<string> = new Set([
  'QEMU_GUEST_AGENT_ERROR/STOPPED_FAILED',
  'LIFECYCLE/STOPPED_FAILED',
  'IO_ERROR/IO_ERROR_REPORT',
]);

/**
 * @param segment the failover segment of the host; undefined if segments are configured and none contains it
 * @param proof `operator`: an operator states that the host is down, which replaces host_status NORMAL
 * @param back called only if the host came back
 * @param maintenance whether an operator works on the host
 */
export function decideNotification(
  notification: Notification,
  segment: FailoverSegment | undefined,
  proof: Proof = 'none',
  back: ReturnFacts = NOTHING_TO_RUN,
  maintenance: 'on' | 'off' = 'off',
): NotificationDecision {
  if (!segment) return ignored(`Host '${notification.hostname}' is in no failover segment.`);
  const { type, hostname, payload } = notification;
  // Gates hold the failure of a host instead.
  const isHostFailure = type === 'COMPUTE_HOST' && payload.event === 'STOPPED';
  // Masakari's own text and spelling: tools match it.
  if (!segment.enabled && !isHostFailure) return ignored('Recovery aboart: the segment HA is disabled.');
  if (maintenance === 'on' && type !== 'COMPUTE_HOST' && payload.event !== 'STARTED') {
    return ignored(`Host '${hostname}' is in maintenance.`);
  }
  switch (notification.type) {
    case 'COMPUTE_HOST': {
      const { event, host_status } = notification.payload;
      if (event === 'STARTED') return decideReturn(notification, back);
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

/** The flow is chosen when the recovery of the failure has ended: see `decideReturnFlow`. */
function decideReturn(
  { hostname }: Notification,
  { returnTasks, rebootTasks, failure }: ReturnFacts,
): NotificationDecision {
  const mayHaveRebooted = rebootTasks && failure !== null && failure !== 'finished';
  return returnTasks || mayHaveRebooted ? RECOVER : finished(`Host '${hostname}' came back.`);
}

/** Facts about the last failure of a host that came back, at the time when the return is processed. */
export interface FailureFacts {
  readonly status: LogbookStatus;
  readonly hasStarted: boolean;
  readonly order: ReportOrder;
}

export type ReturnDecision =
  | { readonly flow: 'host_return' | 'host_reboot' }
  /** No action; `ignored`: the return is over. */
  | { readonly flow: null; readonly status: 'finished' | 'ignored'; readonly reason: string };

/**
 * @param failure the last one before the return, and after the previous return; null: none
 * @param hasFailedSince a recovery of a later failure of the host has started, or an operator stated later that the host is down
 */
export function decideReturnFlow(
  host: string,
  failure: FailureFacts | null,
  hasFailedSince: boolean,
  { returnTasks, rebootTasks }: Pick<ReturnFacts, 'returnTasks' | 'rebootTasks'>,
): ReturnDecision {
  if (hasFailedSince || (failure?.order === 'in doubt' && failure.hasStarted)) {
    return { flow: null, status: 'ignored', reason: `Host '${host}' came back, but has failed again since.` };
  }
  // Its instances were not moved: those that ran are started in place.
  const isReboot = failure !== null && failure.status !== 'finished' && !failure.hasStarted;
  if (isReboot && rebootTasks) return { flow: 'host_reboot' };
  return returnTasks
    ? { flow: 'host_return' }
    : { flow: null, status: 'finished', reason: `Host '${host}' came back.` };
}

/** The object of a recovery; one target has one open flow. */
export function targetOf(notification: Notification): string {
  return notification.type === 'VM'
    ? `instance:${notification.payload.instance_uuid.toLowerCase()}`
    : hostTarget(notification.hostname);
}

/** The target of recoveries of a host. */
export function hostTarget(host: string): string {
  return `host:${host}`;
}
