import { waitUntil } from '../waiting.ts';
import { type ClusterView, CRM_MON, type FenceEvent, parseCrmMon, type ResourceView } from './crm_mon.ts';
import type { Executed, ExecuteOptions } from './execute.ts';
import { logTail, type NodeLogs } from './logs.ts';

/** What is expected of a resource; what is left out does not matter. */
export interface Expected {
  /** `Started`, `Stopped`, `Promoted`, …; an operation under way is none of them. */
  readonly state: string;
  readonly node?: string;
  /** Where it must not be, as the node that it left. */
  readonly notNode?: string;
}

/** Upper bound of one query of the cluster; with quorum lost or a coordinator changing, tools may hang. */
const READ_TIMEOUT_MS = 10_000;
const POLL_EVERY_MS = 100;
/** Exit status of Pacemaker's tools that lost their connection to a daemon. */
const CRM_EX_DISCONNECT = 102;

/** The cluster as Pacemaker's own tools show and steer it, run on the lab's nodes. */
export abstract class Cluster {
  abstract run(node: string, argv: readonly string[], options?: ExecuteOptions): Promise<Executed>;
  abstract logs(node: string): NodeLogs;
  /** Cluster nodes (not remote ones) that run and are not cut off. */
  abstract reachableClusterNodes(): string[];

  /** Runs pcs on the first reachable cluster node; anything but success is an error. */
  async pcs(...words: readonly string[]): Promise<string> {
    const node = this.#observer();
    const { status, stdout, stderr } = await this.run(node, ['pcs', ...words], { timeoutMs: 120_000 });
    if (status !== 0) throw new Error(`pcs ${words.join(' ')} on ${node} ended with ${status}:\n${stderr}${stdout}`);
    return stdout;
  }

  /** The view of that node, by default of the first reachable one; an error when Pacemaker does not run there. */
  async crmMon(node = this.#observer()): Promise<ClusterView> {
    const { status, stdout, stderr } = await this.run(node, CRM_MON, { timeoutMs: READ_TIMEOUT_MS });
    if (status !== 0) throw new Error(`crm_mon on ${node} ended with ${status}:\n${stderr}${stdout.slice(0, 1000)}`);
    return parseCrmMon(stdout);
  }

  /** Newest first; the nodes share it. */
  async fenceHistory(): Promise<readonly FenceEvent[]> {
    return (await this.crmMon()).fencing;
  }

  /** The node's attributes, transient and permanent. */
  async attributes(node: string): Promise<Readonly<Record<string, string>>> {
    return (await this.crmMon()).attributes[node] ?? {};
  }

  async waitForResource(name: string, expected: Expected, seconds: number): Promise<ResourceView> {
    const what = `the resource ${name} to be ${expected.state}${expected.node ? ` on ${expected.node}` : ''}`;
    return await this.waitForView(what, seconds, ({ resources }) =>
      resources.find((resource) => resource.name === name && isAsExpected(resource, expected)),
    );
  }

  /** Waits for a cluster node to be a full member, or for a remote node to be connected. */
  async waitForOnline(name: string, seconds: number): Promise<void> {
    await this.waitForView(`${name} to be online`, seconds, (view) => isOnline(view, name) || undefined);
  }

  /**
   * Waits until the cluster has nothing left to do: no action is pending and none is wanted. A remote node's connection
   * moves some time after a node joined; a power cut meanwhile would test another case.
   */
  async waitForIdle(seconds: number): Promise<void> {
    const node = this.#observer();
    const argv = ['crm_resource', '--wait', `--timeout=${seconds}s`];
    const { status, stderr } = await this.run(node, argv, { timeoutMs: (seconds + 10) * 1000 });
    if (status !== 0) throw new Error(`The cluster did not come to rest within ${seconds} s:\n${stderr}`);
  }

  /**
   * Forgets failures of a resource, and resolves when the cluster has nothing left to do. It waits for that before too: a cleanup while it
   * starts the resource makes Pacemaker lose a monitor that is in progress, and wait 120 s for its result. The tool may lose its connection to
   * the controller before the last reply (seen with Pacemaker 2.1.5); its request can be repeated.
   */
  async cleanUp(resource: string): Promise<void> {
    await this.waitForIdle(60);
    await waitUntil({ what: `the failures of ${resource} to be forgotten`, seconds: 60, everyMs: 1000 }, async () => {
      const node = this.#observer();
      const argv = ['crm_resource', '--cleanup', '--resource', resource];
      const { status, stdout, stderr } = await this.run(node, argv, { timeoutMs: 70_000 });
      if (status === 0) return true;
      const what = `crm_resource --cleanup on ${node} ended with ${status}:\n${stderr}${stdout}`;
      const log = logTail(this.logs(node).pacemaker);
      if (status !== CRM_EX_DISCONNECT) throw new Error(`${what}\n${log}`);
      process.stderr.write(`${what}\n${log}\n`);
      return undefined;
    });
    // The cluster probes the resource again, and may move it.
    await this.waitForIdle(60);
  }

  /** Waits until Pacemaker has fenced it, with success, at `sinceMs` (UTC; the history knows seconds) or later. */
  async waitForFencing(target: string, seconds: number, sinceMs = 0): Promise<FenceEvent> {
    return await this.waitForView(`${target} to be fenced`, seconds, ({ fencing }) =>
      successfulFencing(fencing, target).find(({ completedAt = '' }) => Date.parse(completedAt) > sinceMs - 1000),
    );
  }

  /** Polls repeatedly; a tool that fails in between (nodes die, coordinators change) means "not yet". */
  async waitForView<T>(what: string, seconds: number, read: (view: ClusterView) => T | undefined): Promise<T> {
    let last: ClusterView | Error | undefined;
    try {
      return await waitUntil({ what, seconds, everyMs: POLL_EVERY_MS }, async () => {
        try {
          last = await this.crmMon();
        } catch (error) {
          last = error as Error;
          return undefined;
        }
        return read(last);
      });
    } catch (error) {
      const [node] = this.reachableClusterNodes();
      const seen = last instanceof Error ? last.message : JSON.stringify(last, null, 1);
      const tail = node === undefined ? '' : logTail(this.logs(node).pacemaker);
      throw new Error(`Not seen: ${what}. Last seen from ${node}:\n${seen}\n${tail}`, { cause: error });
    }
  }

  #observer(): string {
    const [node] = this.reachableClusterNodes();
    if (node === undefined) throw new Error('No cluster node of the lab runs and is reachable.');
    return node;
  }
}

export const successfulFencing = (fencing: readonly FenceEvent[], target: string): FenceEvent[] =>
  fencing.filter((event) => event.target === target && event.status === 'success');

/** A remote node's `online` alone is not enough: it flaps while its connection is retried. */
export function isOnline(view: ClusterView, name: string): boolean {
  const node = view.nodes.find((candidate) => candidate.name === name);
  if (!view.hasQuorum || node === undefined || !node.isOnline || node.isPending || node.isUnclean) return false;
  if (node.type !== 'remote') return true;
  return view.resources.some((resource) => resource.name === name && isAsExpected(resource, { state: 'Started' }));
}

function isAsExpected(resource: ResourceView, { state, node, notNode }: Expected): boolean {
  return (
    resource.state === state &&
    resource.pending === undefined &&
    !resource.isFailed &&
    (node === undefined || resource.nodes.includes(node)) &&
    (notNode === undefined || !resource.nodes.includes(notNode))
  );
}
