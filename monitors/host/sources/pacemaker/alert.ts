/**
 * Pacemaker's alert agent: requests an immediate poll from the host monitor of this node.
 *
 *     pcs alert create path=/usr/sbin/recovery-agent id=recovery-agent
 *
 * It runs as hacluster on every full node for each alert. It cannot fail: an alert is a hint, and the next poll of the
 * monitor detects the same.
 */
import { hostMonitor } from '#config/options/host-monitor.ts';
import { sendHint } from './hint.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Pacemaker's own bound for an alert agent is 30 s; it runs them one after the other. */
const TIMEOUT_MS = 1_000;
/** Kinds of alerts that can mean the loss, the fencing or the return of a host. Resources start and stop without one. */
const KINDS: ReadonlySet<string> = new Set(['node', 'fencing']);

/** True if Pacemaker started this program as an alert agent. */
export function isAlert(environment: Environment): boolean {
  return environment.CRM_alert_kind !== undefined;
}

/** Resolves within about a second in any case; the exit code is always 0. */
export async function runAlert(environment: Environment): Promise<void> {
  const { CRM_alert_kind: kind = '', CRM_alert_node: node = '', CRM_alert_desc: what = '' } = environment;
  if (!KINDS.has(kind)) return;
  await sendHint(socketOf(environment), `${kind} ${node} ${what}`, TIMEOUT_MS);
}

/** The configuration may not be readable by hacluster: a socket other than the default is set as the alert's recipient. */
function socketOf({ CRM_alert_recipient: recipient = '' }: Environment): string {
  return recipient.startsWith('/') ? recipient : hostMonitor.alertSocket.fallback;
}
