/** Subject of a refused request for the audit: its parameters were not checked, or were invalid. */
import { WAYS } from '#engine/service/operator-commands.ts';
import { isHostName } from '#protocol/host-name.ts';
import { MAX_REASON } from '#protocol/origin.ts';
import { printable } from '#protocol/printable.ts';

/** Methods that report or change something. */
const AUDITED: ReadonlySet<string> = new Set([
  'notify',
  'retry',
  'turn',
  'approve',
  'pause',
  'unpause',
  'host',
  'maintenance',
  'priority',
  'skip',
  'set_log_level',
]);
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface AuditedRequest {
  /** As the command line calls it. */
  readonly action: string;
  readonly notification: string | null;
  /** The host. */
  readonly object: string | null;
  readonly statedReason: string | null;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/**
 * undefined: the method only reads, and that is of no interest
 *
 * @param isForbidden the caller is not allowed to do this: recorded for every method
 */
export function auditedRequest(method: string, params: unknown, isForbidden = false): AuditedRequest | undefined {
  if (!AUDITED.has(method) && !isForbidden) return undefined;
  const { uuid, way, name, reason, notification, host: monitored } = fieldsOf(params);
  const host = method === 'notify' ? fieldsOf(notification).hostname : (name ?? monitored);
  return {
    action: (method === 'turn' && WAYS.find((one) => one === way)) || method,
    notification: typeof uuid === 'string' && UUID.test(uuid) ? uuid.toLowerCase() : null,
    object: typeof host === 'string' && isHostName(host) ? host : null,
    statedReason: typeof reason === 'string' ? printable(reason.slice(0, MAX_REASON)) : null,
  };
}
