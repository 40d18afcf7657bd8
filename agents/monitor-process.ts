/**
 * The process of `recovery-agent monitor`: monitors, outbox, delivery, heartbeats and the messages to systemd.
 *
 * Order at the end: monitors stop first, then what they reported goes out for as long as that takes at once; the rest stays in
 * the outbox.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { type EngineOptions, OPTION_GROUPS } from '#config/options/options.ts';
import { sendHeartbeats } from '#monitors/host/sources/heartbeat/sender.ts';
import { Delivery } from '#monitors/outbox/delivery.ts';
import { Outbox } from '#monitors/outbox/outbox.ts';
import { createTarget } from '#monitors/outbox/targets/create-target.ts';
import type { Monitor, MonitorName, Recheck } from '#monitors/service/monitor.ts';
import { MonitorService, type MonitorState } from '#monitors/service/service.ts';
import { ServiceManager, watchdogIntervalMs } from '#monitors/service/systemd.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import type { NotificationBody } from '#protocol/notification.ts';

/** Interval between two reports of a blind monitor: an engine that took over in between does not know of it. */
const REMIND_MS = 60_000;
/** Interval between two attempts to start the heartbeats. */
const BEAT_AGAIN_MS = 5_000;

/** The monitor that sends such reports. */
export function makerOf({ notification }: NotificationBody): MonitorName {
  switch (notification.type) {
    case 'COMPUTE_HOST':
      return 'host';
    case 'PROCESS':
      return 'process';
    case 'VM':
      return notification.payload.event === 'QEMU_GUEST_AGENT_ERROR' ? 'guest' : 'instance';
  }
}

export interface MonitorProcessParts {
  readonly options: EngineOptions;
  readonly monitors: readonly Monitor[];
  /** Creates a monitor that does not run here, to check the reports of another process of this host. */
  readonly make: (name: MonitorName, options: EngineOptions) => Promise<Monitor>;
  readonly node: string;
  readonly log: Log;
  readonly environment: NodeJS.ProcessEnv;
}

export class MonitorProcess {
  readonly #parts: MonitorProcessParts;
  readonly #service: MonitorService;
  readonly #manager: ServiceManager;
  readonly #target: ReturnType<typeof createTarget>;
  readonly #delivery: Delivery;
  readonly #end = new AbortController();
  /** Monitors that check reports and do not run; created on demand. */
  readonly #lookers = new Map<MonitorName, Promise<Monitor | undefined>>();
  #options: EngineOptions;

  /** Throws when the outbox or the way to the engine cannot be used as they are configured. */
  static async create(parts: MonitorProcessParts): Promise<MonitorProcess> {
    const outbox = await Outbox.open({ folder: parts.options.monitors.outbox, log: parts.log });
    return new MonitorProcess(parts, outbox);
  }

  private constructor(parts: MonitorProcessParts, outbox: Outbox) {
    const { options, monitors, node, log, environment } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#manager = new ServiceManager(environment, log);
    this.#target = createTarget(options);
    this.#delivery = new Delivery({
      outbox,
      target: this.#target,
      log,
      recheck: (body, proof) => this.#recheck(body, proof),
      staleAfterMs: options.monitors.staleAfterMs,
      retryIntervalMs: options.transport.retryIntervalMs,
    });
    this.#service = new MonitorService({
      monitors,
      node,
      log,
      report: (body, proof) => outbox.put(body, proof),
      queryInstance: (uuid) => this.#target.queryInstance(uuid),
      onState: (states) => {
        void this.#manager.notify(`STATUS=${describeStates(states)}`);
        void this.#reportBlind(states);
      },
    });
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { environment } = this.#parts;
    const delivering = this.#delivery.run(this.#end.signal);
    const beating = this.#renew();
    const intervalMs = watchdogIntervalMs(environment);
    const watchdog = intervalMs === undefined ? undefined : setInterval(() => void this.#manager.alive(), intervalMs);
    const reminder = setInterval(() => {
      const { states } = this.#service;
      if (states.some(({ state }) => state === 'blind')) void this.#reportBlind(states);
    }, REMIND_MS);
    const watching = this.#service.run();
    await this.#manager.notify('READY=1', `STATUS=${describeStates(this.#service.states)}`);
    try {
      await watching;
    } finally {
      clearInterval(watchdog);
      clearInterval(reminder);
      this.#end.abort();
      await Promise.all([delivering, beating]);
      await this.#target.close();
      await this.#manager.settled();
    }
  }

  stop(): void {
    void this.#manager.notify('STOPPING=1');
    this.#service.stop();
  }

  /**
   * Gives the monitors changed options. Each applies them or keeps its old ones. The host name, the outbox and the destination
   * of reports are read at the start only.
   */
  async reload(options: EngineOptions, segmentHosts: readonly string[] = []): Promise<void> {
    const { monitors, log } = this.#parts;
    const fixed = readAtStartOnly(this.#parts.options, options);
    if (fixed.length > 0)
      log('warning', 'changed options take effect after a restart only', { options: fixed.join(', ') });
    this.#options = options;
    this.#lookers.clear();
    // Monotonic time as clock_gettime(2) has it; systemd measures the reload with it.
    const usec = process.hrtime.bigint() / 1000n;
    await this.#manager.notify('RELOADING=1', `MONOTONIC_USEC=${usec}`);
    for (const monitor of monitors) {
      try {
        await monitor.reload(options, segmentHosts);
        log('info', 'options applied', { monitor: monitor.name });
      } catch (error) {
        const reason = errorMessage(error);
        log('error', 'options not applied; the previous ones stay in effect', { monitor: monitor.name, reason });
      }
    }
    await this.#manager.notify('READY=1');
  }

  /** Sends heartbeats until the end. An error, e.g. a key that does not exist yet, may be corrected meanwhile. */
  async #renew(): Promise<void> {
    const { options, node, log } = this.#parts;
    const { signal } = this.#end;
    let received: string | undefined;
    while (!signal.aborted) {
      try {
        await sendHeartbeats(options, node, log, signal);
        return;
      } catch (error) {
        const reason = errorMessage(error);
        if (reason !== received) log('error', 'no heartbeats are sent; retrying', { reason });
        received = reason;
      }
      await delay(BEAT_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #reportBlind(states: readonly MonitorState[]): Promise<void> {
    const blind = states.filter(({ state }) => state === 'blind');
    await this.#target.reportBlind(
      this.#parts.node,
      blind.map(({ monitor, reason, blindMs }) => ({ monitor, reason: reason ?? '', ms: blindMs })),
      states.filter(({ state }) => state === 'seeing').map(({ monitor }) => monitor),
    );
  }

  async #recheck(body: NotificationBody, proof: ReportedProof): Promise<Recheck> {
    const maker = makerOf(body);
    const monitor = this.#parts.monitors.find(({ name }) => name === maker) ?? (await this.#looker(maker));
    return monitor ? monitor.recheck(body, (uuid) => this.#target.queryInstance(uuid), proof) : 'unknown';
  }

  /** Several processes may share an outbox, and one of them delivers for all. */
  #looker(name: MonitorName): Promise<Monitor | undefined> {
    const { make, log } = this.#parts;
    const known = this.#lookers.get(name);
    if (known) return known;
    const made = make(name, this.#options).catch((error: unknown) => {
      const reason = errorMessage(error);
      log('warning', 'old reports of a monitor that does not run here cannot be checked again', {
        monitor: name,
        reason,
      });
      return undefined;
    });
    this.#lookers.set(name, made);
    return made;
  }
}

/** Of the options that this process reads at its start, those that have changed, e.g. `[transport] engines`. */
function readAtStartOnly(before: EngineOptions, now: EngineOptions): readonly string[] {
  const { monitors, transport, cloud, heartbeat } = OPTION_GROUPS;
  const { sendTo, intervalMs } = heartbeat.options;
  const groups = { monitors, transport, cloud, heartbeat: { ...heartbeat, options: { sendTo, intervalMs } } };
  return Object.entries(groups).flatMap(([group, { section, options }]) => {
    const [old, fresh] = [before, now].map((all) => new Map(Object.entries(all[group as keyof typeof groups])));
    return Object.entries(options).flatMap(([field, { name }]) =>
      JSON.stringify(old?.get(field)) === JSON.stringify(fresh?.get(field)) ? [] : [`[${section}] ${name}`],
    );
  });
}

/** e.g. `host seeing, instance blind: libvirtd does not answer`. */
export function describeStates(states: readonly MonitorState[]): string {
  return states
    .map(({ monitor, state, reason }) => `${monitor} ${state}${state === 'blind' && reason ? `: ${reason}` : ''}`)
    .join(', ')
    .replaceAll('\n', ' ');
}
