/**
 * The polls of Pacemaker Remote, counted by the kernel of the cluster node that holds the connection: Pacemaker polls a remote node each
 * second, and detects its death only by that.
 *
 * Pacemaker's own status does not show that. When an unmanaged remote node disconnects, the controller of Pacemaker 2.1.5 ends by an
 * assertion (`build_operation_update: … caller_version != NULL`) in the moments around the end of maintenance mode. After the election the
 * histories show the polls of before the maintenance, and no node resumes them: the remote nodes of the other cluster nodes count as online for ever.
 */
import { waitUntil } from '../waiting.ts';
import type { PacemakerLab } from './lab.ts';

const EVERY_MS = 200;
const REMOTE = 'dport = :3121';

/** Waits until the remote node is polled. Polls that Pacemaker has lost are set up again by `crm_resource --refresh`, which is printed. */
export async function untilPolled(lab: PacemakerLab, remote: string): Promise<void> {
  if (await isPolled(lab, remote, 10)) return;
  console.info(
    `Pacemaker lost the polls of ${remote} when its controller ended by an assertion; crm_resource --refresh`,
  );
  const { status, stderr } = await lab.run('n1', ['crm_resource', '--refresh', '--resource', remote]);
  if (status !== 0) throw new Error(`crm_resource --refresh of ${remote}: ${stderr}`);
  await lab.waitForIdle(90);
  if (!(await isPolled(lab, remote, 30))) throw new Error(`Waited 30 s for Pacemaker to poll ${remote}, in vain.`);
}

async function isPolled(lab: PacemakerLab, remote: string, seconds: number): Promise<boolean> {
  const first = await sentTo(lab, remote);
  const read = async (): Promise<true | undefined> => {
    const now = await sentTo(lab, remote);
    return now !== undefined && now !== first ? true : undefined;
  };
  return await waitUntil({ what: `polls of ${remote}`, seconds, everyMs: EVERY_MS }, read).catch(() => false);
}

/** Bytes sent over the connection to the remote node; undefined where no node has one. */
async function sentTo(lab: PacemakerLab, remote: string): Promise<string | undefined> {
  for (const node of lab.nodes.filter((name) => name.startsWith('n') && lab.isAlive(name))) {
    const { stdout } = await lab.run(node, ['ss', '-tinH', 'state', 'established', 'dst', remote, 'and', REMOTE]);
    const sent = /\bbytes_sent:(\d+)/.exec(stdout)?.[1];
    if (sent !== undefined) return `${node} ${sent}`;
  }
  return undefined;
}
