import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { waitUntil } from '../waiting.ts';
import { type LabPlan, url } from './configuration.ts';
import type { Processes } from './processes.ts';
import { send } from './rest.ts';
import { REQUEST_MARK, WORKERS } from './services.ts';

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
 * A server writes a request down after it has responded. Each of its workers serves one request after the other: a request of our own that
 * a worker has written down makes sure that all those before it are there.
 */
async function callsOf(plan: LabPlan, processes: Processes, api: Api): Promise<SeenCall[]> {
  const [server, path] = SERVERS[api];
  const address = `${url(plan, api === 'identity' ? 'keystone' : 'nova')}${path}`;
  const mark = randomUUID();
  const lines = await waitUntil({ what: `the request log of ${server}`, seconds: 60, everyMs: 20 }, async () => {
    // Two at once, so that both workers get some.
    const isRunning = processes.isRunning(server);
    if (isRunning) await Promise.all([send('GET', `${address}?${mark}`), send('GET', `${address}?${mark}`)]);
    const read = requestsIn(await readFile(processes.logFile(server), 'utf8'));
    const workers = new Set(read.filter(({ call }) => call.uri.includes(mark)).map(({ worker }) => worker));
    return !isRunning || workers.size >= WORKERS[server] ? read : undefined;
  });
  return lines.map(({ call }) => ({ api, ...call }));
}

function requestsIn(log: string): { worker: string; call: Omit<SeenCall, 'api'> }[] {
  return log.split('\n').flatMap((line) => {
    const at = line.indexOf(`${REQUEST_MARK}\t`);
    if (at < 0) return [];
    const [, worker = '', method = '', uri = '', status, ms, userAgent = ''] = line.slice(at).split('\t');
    return [{ worker, call: { method, uri, status: Number(status), ms: Number(ms), userAgent } }];
  });
}
