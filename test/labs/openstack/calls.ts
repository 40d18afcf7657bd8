import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { waitUntil } from '../waiting.ts';
import { type LabPlan, url } from './configuration.ts';
import type { Processes } from './processes.ts';
import { send } from './rest.ts';
import { REQUEST_MARK } from './services.ts';

/** Which HTTP requests Keystone and Nova's API were sent, read from their servers' request logs. */

/** Keystone is OpenStack's `identity` service, Nova's API its `compute` service. */
export type Api = 'identity' | 'compute';

export interface SeenCall {
  readonly api: Api;
  readonly method: string;
  /** Path and query. */
  readonly uri: string;
  readonly status: number;
  readonly ms: number;
  readonly userAgent: string;
}

const SERVERS = { identity: ['keystone', '/v3'], compute: ['nova-api', '/'] } as const;

/** All calls since the lab began whose User-Agent contains the given text, in the order of their ends. */
export async function seenCalls(plan: LabPlan, processes: Processes, userAgent: string): Promise<SeenCall[]> {
  const apis = ['identity', 'compute'] as const;
  const lists = await Promise.all(apis.map((api) => callsOf(plan, processes, api)));
  return lists.flat().filter((call) => call.userAgent.includes(userAgent));
}

/**
 * A server writes a request down after it has answered: a request of our own, awaited in the log, makes sure that those
 * before it are there, but for one that another worker is writing at this moment.
 */
async function callsOf(plan: LabPlan, processes: Processes, api: Api): Promise<SeenCall[]> {
  const [server, path] = SERVERS[api];
  const mark = randomUUID();
  if (processes.isRunning(server)) {
    await send('GET', `${url(plan, api === 'identity' ? 'keystone' : 'nova')}${path}?${mark}`);
  }
  const log = await waitUntil({ what: `the request log of ${server}`, seconds: 10, everyMs: 20 }, async () => {
    const text = await readFile(processes.logFile(server), 'utf8');
    return text.includes(mark) || !processes.isRunning(server) ? text : undefined;
  });
  return log.split('\n').flatMap((line) => {
    const at = line.indexOf(`${REQUEST_MARK}\t`);
    if (at < 0) return [];
    const [, method = '', uri = '', status, ms, userAgent = ''] = line.slice(at).split('\t');
    return [{ api, method, uri, status: Number(status), ms: Number(ms), userAgent }];
  });
}
