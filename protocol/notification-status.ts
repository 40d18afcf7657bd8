/** The states of a notification: Masakari's, in the order in which a notification passes through them. The one list of them. */

export const NOTIFICATION_STATUSES = ['new', 'running', 'error', 'failed', 'ignored', 'finished'] as const;
export type NotificationStatus = (typeof NOTIFICATION_STATUSES)[number];

/** The engine continues the recovery by itself. */
export const OPEN_STATUSES: readonly NotificationStatus[] = ['new', 'running', 'error'];

/** The engine does nothing more by itself. */
export const CLOSED_STATUSES: readonly NotificationStatus[] = NOTIFICATION_STATUSES.filter(
  (status) => !OPEN_STATUSES.includes(status),
);

/** The status of a report at its acceptance. `finished`: no action is needed, e.g. for a host that came back. */
export const ACCEPTED_STATUSES = ['new', 'ignored', 'finished'] as const satisfies readonly NotificationStatus[];
