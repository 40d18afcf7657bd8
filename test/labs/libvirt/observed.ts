/** The instance monitor at work in a test: its reports, and the responses of a simulated Nova. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import { create } from '#monitors/instance/monitor.ts';
import type { InstanceFacts, Monitor } from '#monitors/service/monitor.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { waitUntil, within } from '../waiting.ts';
import type { LibvirtLab } from './lab.ts';

export const NODE = 'compute1';
export const ACTIVE: InstanceFacts = { status: 'found', host: NODE, vmState: 'active', taskState: null };

export interface Report {
  readonly body: NotificationBody;
  readonly at: number;
}

export class Observed {
  readonly reports: Report[] = [];
  readonly lines: string[] = [];
  /** Nova's state of an instance; of any other: active, here. */
  readonly nova = new Map<string, InstanceFacts | undefined>();
  monitor: Monitor | undefined;
  seen = 0;
  blind = 0;
  readonly #options: EngineOptions;
  #end = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(lab: LibvirtLab, changes: Partial<EngineOptions['instanceMonitor']> = {}) {
    const stateFile = join(lab.directory, 'instances.json');
    const { socket, qemuLogDirectory } = lab;
    const instanceMonitor = {
      ...DEFAULT_OPTIONS.instanceMonitor,
      ...{ socket, qemuLogDirectory, stateFile, resyncIntervalMs: 2000 },
      ...changes,
    };
    this.#options = { ...DEFAULT_OPTIONS, instanceMonitor };
  }

  /** Runs the monitor until it has seen the host. */
  async start(): Promise<void> {
    this.#end = new AbortController();
    this.seen = 0;
    const monitor = await create(this.#options, NODE);
    this.monitor = monitor;
    this.#running = monitor.run({
      node: NODE,
      signal: this.#end.signal,
      log: (level, message) => this.lines.push(`${level} ${message}`),
      report: async (body) => {
        this.reports.push({ body, at: Date.now() });
      },
      queryInstance: async (uuid) => (this.nova.has(uuid) ? this.nova.get(uuid) : ACTIVE),
      seen: () => {
        this.seen += 1;
      },
      blind: () => {
        this.blind += 1;
      },
    });
    await this.waitForPoll();
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await within(30, 'the monitor to end', this.#running);
  }

  /** Waits for a listing that begins after this moment. */
  async waitForPoll(): Promise<void> {
    const wanted = this.seen + 2;
    await waitUntil({ what: 'the monitor to poll', seconds: 60, everyMs: 20 }, () =>
      this.seen >= wanted || (wanted === 2 && this.seen >= 1) ? true : undefined,
    );
  }

  /** Waits for so many reports, and checks once more that there are no others. */
  async waitForReports(count: number): Promise<readonly Report[]> {
    await waitUntil(
      { what: `${count} reports; there are ${JSON.stringify(this.reports)}`, seconds: 60, everyMs: 5 },
      () => (this.reports.length >= count ? true : undefined),
    );
    await this.waitForPoll();
    return this.reports;
  }

  /** `UUID EVENT/DETAIL` of each report. */
  get summaries(): string[] {
    return this.reports.map(({ body: { notification } }) =>
      notification.type === 'VM'
        ? `${notification.payload.instance_uuid} ${notification.payload.event}/${notification.payload.vir_domain_event}`
        : notification.type,
    );
  }

  async forget(lab: LibvirtLab): Promise<void> {
    await this.stop();
    rmSync(join(lab.directory, 'instances.json'), { force: true });
  }
}
