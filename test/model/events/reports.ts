/** Reports of monitors about the host of the histories and its guests. */
import { type Notification, parseNotification } from '#protocol/notification.ts';
import type { ReportKind } from './history.ts';

/** The host that everything happens to. */
export const HOST = 'c1';
/** Its guests: the first one crashes. */
export const RUNNING = '11111111-1111-4111-8111-111111111111';
export const OTHER = '22222222-2222-4222-8222-222222222222';
export const STOPPED = '33333333-3333-4333-8333-333333333333';

export function notificationOf(kind: ReportKind, hostname: string, stamp: number): Notification {
  const bodies = {
    death: { type: 'COMPUTE_HOST', payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' } },
    return: { type: 'COMPUTE_HOST', payload: { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' } },
    crash: {
      type: 'VM',
      payload: { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: RUNNING },
    },
  };
  const generated_time = new Date(stamp).toISOString();
  return parseNotification({ notification: { hostname, generated_time, ...bodies[kind] } });
}
