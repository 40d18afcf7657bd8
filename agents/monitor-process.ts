/**
 * The process of `recovery-agent monitor`: monitors, outbox, delivery, heartbeats, and what systemd is told, as one thing.
 *
 * Order at the end: monitors stop first, then what they reported goes out for as long as that takes at once; the rest stays in
 * the outbox.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type EngineOptions, OPTION_GROUPS } from '#config/options.ts';
import { sendHeartbeats } from '#monitors/host/heartbeat/sender.ts';
import type { Monitor, MonitorName, Recheck } from '#monitors/monitor.ts';
import { createTarget } from '#monitors/outbox/create-target.ts';
import { Delivery } from '#monitors/outbox/delivery.ts';
import { Outbox } from '#monitors/outbox/outbox.ts';
import { MonitorService, type MonitorState } from '#monitors/service.ts';
import { ServiceManager, watchdogIntervalMs } from '#monitors/systemd.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import type { Log } from '#protocol/log.ts';
import type { NotificationBody } from '#protocol/notification.ts';

/** Blindness is said again so often: an engine that took over in between has not heard of it. */
const REMIND_MS = 60_000;
/** Until heartbeats that could not begin are tried again. */
const BEAT_AGAIN_MS = 5_000;

/** Which monitor makes such reports. */
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
  /** Makes one that does not run here, to look at what another process of this host has reported. */
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
  /** Those that look and do not run, as far as there was need of them. */
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
      askInstance: (uuid) => this.#target.askInstance(uuid),
      onState: (states) => {
        void this.#manager.tell(`STATUS=${describeStates(states)}`);
        void this.#sayBlind(states);
      },
    });
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { environment } = this.#parts;
    const delivering = this.#delivery.run(this.#end.signal);
    const beating = this.#beat();
    const intervalMs = watchdogIntervalMs(environment);
    const watchdog = intervalMs === undefined ? undefined : setInterval(() => void this.#manager.alive(), intervalMs);
    const reminder = setInterval(() => {
      const { states } = this.#service;
      if (states.some(({ state }) => state === 'blind')) void this.#sayBlind(states);
    }, REMIND_MS);
    const watching = this.#service.run();
    await this.#manager.tell('READY=1', `STATUS=${describeStates(this.#service.states)}`);
    try {
      await watching;
    } finally {
      clearInterval(watchdog);
      clearInterval(reminder);
      this.#end.abort();
      await Promise.all([delivering, beating]);
      await this.#target.close();
      await this.#manager.told();
    }
  }

  stop(): void {
    void this.#manager.tell('STOPPING=1');
    this.#service.stop();
  }

  /**
   * Gives the monitors changed options. Each takes them or keeps what it has; where it runs, where reports lie and where they go
   * is read at the start only.
   */
  async reload(options: EngineOptions): Promise<void> {
    const { monitors, log } = this.#parts;
    const fixed = readAtStartOnly(this.#parts.options, options);
    if (fixed.length > 0)
      log('warning', 'changed options that count after a restart only', { options: fixed.join(', ') });
    this.#options = options;
    this.#lookers.clear();
    // Monotonic time as clock_gettime(2) has it; systemd measures the reload with it.
    const usec = process.hrtime.bigint() / 1000n;
    await this.#manager.tell('RELOADING=1', `MONOTONIC_USEC=${usec}`);
    for (const monitor of monitors) {
      try {
        await monitor.reload(options);
        log('info', 'options taken over', { monitor: monitor.name });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        log('error', 'options not taken over; what was before stays', { monitor: monitor.name, reason });
      }
    }
    await this.#manager.tell('READY=1');
  }

  /** Sends heartbeats until the end; what keeps them from leaving, e.g. a key that is not there yet, may be mended meanwhile. */
  async #beat(): Promise<void> {
    const { options, node, log } = this.#parts;
    const { signal } = this.#end;
    let told: string | undefined;
    while (!signal.aborted) {
      try {
        await sendHeartbeats(options, node, log, signal);
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (reason !== told) log('error', 'no heartbeats are sent; tried again', { reason });
        told = reason;
      }
      await delay(BEAT_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #sayBlind(states: readonly MonitorState[]): Promise<void> {
    const blind = states.filter(({ state }) => state === 'blind');
    await this.#target.sayBlind(
      this.#parts.node,
      blind.map(({ monitor, reason, unseenMs }) => ({ monitor, reason: reason ?? '', ms: unseenMs })),
      states.filter(({ state }) => state === 'seeing').map(({ monitor }) => monitor),
    );
  }

  async #recheck(body: NotificationBody, proof: ReportedProof): Promise<Recheck> {
    const maker = makerOf(body);
    const monitor = this.#parts.monitors.find(({ name }) => name === maker) ?? (await this.#looker(maker));
    return monitor ? monitor.recheck(body, (uuid) => this.#target.askInstance(uuid), proof) : 'unknown';
  }

  /** Several processes may share an outbox, and one of them delivers for all. */
  #looker(name: MonitorName): Promise<Monitor | undefined> {
    const { make, log } = this.#parts;
    const known = this.#lookers.get(name);
    if (known) return known;
    const made = make(name, this.#options).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      log('warning', 'old reports of a monitor that does not run here cannot be looked at again', {
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
