/** A host whose watched processes fail one after the other, and the reports that its process monitor makes of them. */
import { setTimeout as delay } from 'node:timers/promises';
import { type EngineCluster, until } from './engine_cluster.ts';

const LIST_FILE = '/etc/recovery-agent/process_list.yaml';
export const OUTBOX = '/var/lib/recovery-agent/outbox';
/** Of the monitors that run on a node. */
export const MONITOR_LOG = '/var/log/monitor.log';
/** Between two failures of a host. */
const PACE_MS = 300;
/** Failures that the monitor may not have reported yet: a slow machine slows the failures down, so that none pile up. */
const MAX_UNREPORTED = 6;
const COUNT = 400;
/** Seconds to sleep, by which the monitor distinguishes the processes: all have as many digits. */
const FIRST = 700_001;

/** Section of the configuration under which each failure becomes one report, soon. */
export const REPORT_SOON = `[process]
process_list_path = ${LIST_FILE}
watch_interval = 0.2
restart_retries = 0
restart_interval = 0.1
restart_delay = 0
`;

export class FailingProcesses {
  readonly host: string;
  readonly #cluster: EngineCluster;
  readonly #waiting: { readonly name: string; readonly pid: string }[];
  readonly #failed: string[] = [];
  #producing: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  /** Starts the processes and writes the list that names them; the monitor is to be started after it. */
  static async start(cluster: EngineCluster, host: string): Promise<FailingProcesses> {
    const name = (seconds: number): string => `${host}-${seconds}`;
    const entry = (seconds: number): string =>
      [
        `- process_name: sleep ${seconds}`,
        `  start_command: /bin/false`,
        `  restart_command: /bin/false`,
        `  run_as_root: true`,
        `  report_as: ${name(seconds)}`,
      ].join('\n');
    const numbers = Array.from({ length: COUNT }, (_, index) => FIRST + index);
    await cluster.lab.putFile(host, LIST_FILE, `${numbers.map(entry).join('\n')}\n`);
    const script = 'for i in $(seq "$1" "$2"); do setsid sleep "$i" >/dev/null 2>&1 </dev/null & echo "$i $!"; done';
    const out = await cluster.mustRun(host, ['sh', '-c', script, 'sh', `${FIRST}`, `${FIRST + COUNT - 1}`]);
    const processes = out
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([seconds, pid = '']) => ({ name: name(Number(seconds)), pid }));
    return new FailingProcesses(cluster, host, processes);
  }

  private constructor(cluster: EngineCluster, host: string, processes: { name: string; pid: string }[]) {
    this.#cluster = cluster;
    this.host = host;
    this.#waiting = processes;
  }

  /** The names of those that failed, in order. */
  get failed(): readonly string[] {
    return [...this.#failed];
  }

  /** Ends the next process, and returns its name. */
  async fail(): Promise<string> {
    const next = this.#waiting.shift();
    if (next === undefined) throw new Error(`all ${COUNT} processes of ${this.host} have failed`);
    this.#failed.push(next.name);
    await this.#cluster.mustRun(this.host, ['kill', '-KILL', next.pid]);
    return next.name;
  }

  /** Lets processes fail until `rest`. */
  begin(): void {
    const stop = new AbortController();
    const ended = (async () => {
      while (!stop.signal.aborted) {
        await this.fail();
        await delay(PACE_MS);
        if (this.#failed.length % (MAX_UNREPORTED / 2) === 0) await this.#untilReported(MAX_UNREPORTED / 2);
      }
    })();
    // The error is thrown by `rest`.
    ended.catch(() => {});
    this.#producing = { stop, ended };
  }

  /** Waits until all failures but some are reported. */
  async #untilReported(allBut: number): Promise<void> {
    await until(`failures on ${this.host} to be reported`, 60, async () =>
      (await this.reported()).length >= this.#failed.length - allBut ? true : undefined,
    );
  }

  async rest(): Promise<void> {
    this.#producing?.stop.abort();
    await this.#producing?.ended;
    this.#producing = undefined;
  }

  /** The names that the monitor logged as reported, in order. */
  async reported(): Promise<readonly string[]> {
    const log = await this.#cluster.mustRun(this.host, ['cat', MONITOR_LOG]);
    return [...log.matchAll(/is down for good and is reported .*reported_as=(\S+)/g)].map(([, name = '']) => name);
  }

  /** The number of reports in the outbox. */
  async undelivered(): Promise<number> {
    const names = await this.#cluster.mustRun(this.host, ['ls', OUTBOX]);
    return names.split('\n').filter((name) => name.endsWith('.report')).length;
  }

  /** Waits until every failure is reported, and every report delivered. */
  async delivered(seconds: number): Promise<void> {
    await until(`every failure on ${this.host} to be reported`, seconds, async () => {
      const reported = new Set(await this.reported());
      return this.#failed.every((name) => reported.has(name)) ? true : undefined;
    });
    await until(`every report of ${this.host} to be delivered`, seconds, async () =>
      (await this.undelivered()) === 0 ? true : undefined,
    );
  }
}
