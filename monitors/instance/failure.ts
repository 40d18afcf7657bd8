/** How an instance can fail, and what each failure is called on the wire: Masakari's names, which tools match on. */
import { type NotificationBody, wireTime } from '#protocol/notification.ts';
import type { DomainName } from '../libvirt/domain-name.ts';

export type FailureKind =
  /** Its process ended, and nobody had asked for it. */
  | 'killed'
  /** Its kernel gave up. */
  | 'panicked'
  /** It stands still since a write to its disk failed. */
  | 'io-error'
  /** It stands still since its watchdog ran out. */
  | 'watchdog'
  /** It stands still since libvirt itself failed at something it did with it. */
  | 'api-error'
  /** It runs on, and was told that its disk failed. */
  | 'disk-error'
  /** It ran and does not any more, and neither libvirt nor its log nor Nova says why. */
  | 'unexplained';

export interface Failure {
  readonly domain: DomainName;
  readonly kind: FailureKind;
  /** libvirt's id of the start in which it failed. */
  readonly life: number;
  /** Milliseconds UTC. */
  readonly at: number;
  /** `uncertain`: it counts only when Nova says that the instance should run here. */
  readonly certainty: 'certain' | 'uncertain';
  /** `maybe`: the guest or libvirt may mend it by itself in a moment. */
  readonly mends: 'never' | 'maybe';
}

/** After these an instance does no work until somebody starts it; each is reported once in a life, whichever it is. */
const DEATHS: ReadonlySet<FailureKind> = new Set(['killed', 'panicked', 'unexplained']);

export const isDeath = (kind: FailureKind): boolean => DEATHS.has(kind);

/** Source of the names: masakari-monitors, instancemonitor/libvirt_handler/eventfilter_table.py; the last two are ours. */
const WIRE: Readonly<Record<Exclude<FailureKind, 'panicked'>, string>> = {
  killed: 'LIFECYCLE/STOPPED_FAILED',
  'io-error': 'LIFECYCLE/SUSPENDED_IOERROR',
  watchdog: 'LIFECYCLE/SUSPENDED_WATCHDOG',
  'api-error': 'LIFECYCLE/SUSPENDED_API_ERROR',
  'disk-error': 'IO_ERROR/IO_ERROR_REPORT',
  // No engine acts on it: without a proof of failure nothing is stopped and started.
  unexplained: 'LIFECYCLE/STOPPED_UNKNOWN',
};

/** @param panicEvent what a panic is called, by configuration */
export function notificationOf(
  failure: { readonly uuid: string; readonly kind: FailureKind; readonly at: number },
  node: string,
  panicEvent: string,
): NotificationBody {
  const words = failure.kind === 'panicked' ? panicEvent : WIRE[failure.kind];
  const [event = '', vir_domain_event = ''] = words.split('/');
  return {
    notification: {
      type: 'VM',
      hostname: node,
      generated_time: wireTime(failure.at),
      payload: { event, instance_uuid: failure.uuid, vir_domain_event },
    },
  };
}
