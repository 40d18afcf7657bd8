/** The failures of an instance, and the name of each in a notification: Masakari's names, on which tools match. */
import { type NotificationBody, wireTime } from '#protocol/notification.ts';
import type { DomainName } from '../libvirt/domain-name.ts';

export type FailureKind =
  /** Its process ended, and no request had caused that. */
  | 'killed'
  /** Its kernel panicked. */
  | 'panicked'
  /** It is stopped since a write to its disk failed. */
  | 'io-error'
  /** It is stopped since its watchdog expired. */
  | 'watchdog'
  /** It is stopped since an operation of libvirt on it failed. */
  | 'api-error'
  /** It keeps running, and its guest received an I/O error of its disk. */
  | 'disk-error'
  /** It ran and has ended, and neither libvirt nor its log nor Nova has the reason. */
  | 'unexplained';

export interface Failure {
  readonly domain: DomainName;
  readonly kind: FailureKind;
  /** libvirt's id of the start in which it failed. */
  readonly life: number;
  /** Milliseconds UTC. */
  readonly at: number;
  /** `uncertain`: it counts only if Nova has the instance as running on this host. */
  readonly certainty: 'certain' | 'uncertain';
  /** `maybe`: the guest may resume, or libvirt may restart it, in a moment. */
  readonly recovers: 'never' | 'maybe';
}

export type DomainDecision =
  | { readonly outcome: 'nothing' }
  | { readonly outcome: 'running'; readonly life: number }
  /** Its process exists, and the guest is stopped in order. */
  | { readonly outcome: 'on'; readonly life: number }
  | { readonly outcome: 'off' }
  | { readonly outcome: 'gone' }
  | {
      readonly outcome: 'failed';
      readonly kind: FailureKind;
      readonly life: number;
      /** When; undefined: now. Milliseconds UTC. */
      readonly at?: number;
      /** `uncertain`: it counts only if Nova has the instance as running on this host. */
      readonly certainty: 'certain' | 'uncertain';
      /** `maybe`: the guest may resume, or libvirt may restart it, in a moment. */
      readonly recovers: 'never' | 'maybe';
    };

/** After these failures an instance does no work until it is started again. Only one of them is reported in a life. */
const DEATHS: ReadonlySet<FailureKind> = new Set(['killed', 'panicked', 'unexplained']);

export const isDeath = (kind: FailureKind): boolean => DEATHS.has(kind);

/** Source of the names: masakari-monitors, instancemonitor/libvirt_handler/eventfilter_table.py; the last two are ours. */
const WIRE: Readonly<Record<Exclude<FailureKind, 'panicked'>, string>> = {
  killed: 'LIFECYCLE/STOPPED_FAILED',
  'io-error': 'LIFECYCLE/SUSPENDED_IOERROR',
  watchdog: 'LIFECYCLE/SUSPENDED_WATCHDOG',
  'api-error': 'LIFECYCLE/SUSPENDED_API_ERROR',
  'disk-error': 'IO_ERROR/IO_ERROR_REPORT',
  // No engine acts on it: without a proof of failure no instance is stopped and started.
  unexplained: 'LIFECYCLE/STOPPED_UNKNOWN',
};

/** @param panicEvent the name of a panic, by configuration */
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
