/**
 * The instance monitor: watches the domains of Nova through libvirt's read-only socket, and reports those that failed.
 *
 * Invariants: it only reads, from libvirt, its logs and Nova. While libvirtd cannot be reached it retries without limit and reports that.
 */

import type { EngineOptions } from '#config/options/options.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { stateWords } from '../libvirt/constants.ts';
import { isOfNova, isRunning, listDomains, stateOf } from '../libvirt/domains.ts';
import { LibvirtRefusal } from '../libvirt/errors.ts';
import type { CreateMonitor, Monitor, MonitorContext, Observation, Recheck } from '../service/monitor.ts';
import { Cases } from './cases.ts';
import { decideNova } from './nova-decision.ts';
import { Reconnect } from './reconnect.ts';
import { Session } from './session.ts';
import { connectTo, type InstanceSettings } from './settings.ts';
import { bootId, Memory } from './state-file.ts';

/** Three failed listings, and longer than the detection of a hung libvirtd (18 s) and the next connection take. */
const BLIND_AFTER_MS = 60_000;

class InstanceMonitor implements Monitor {
  readonly name = 'instance';
  #settings: InstanceSettings;
  #context: MonitorContext | undefined;
  #session: Session | undefined;
  /** Ends the session when its settings have changed. */
  #renew = new AbortController();

  constructor(settings: InstanceSettings) {
    this.#settings = settings;
  }

  get blindAfterMs(): number {
    return Math.max(BLIND_AFTER_MS, 3 * this.#settings.resyncIntervalMs);
  }

  async run(context: MonitorContext): Promise<void> {
    this.#context = context;
    const { signal, log } = context;
    const memory = await Memory.open(this.#settings.stateFile, bootId(), (text) => log('warning', text));
    const cases = new Cases(
      context,
      memory,
      async (domain) => {
        const connection = this.#session?.connection;
        if (connection === undefined) return 'lost';
        return stateOf(connection, domain).then(
          (state) => state ?? 'gone',
          () => 'lost',
        );
      },
      () => this.#settings.panicEvent,
    );
    const reconnect = new Reconnect();
    while (!signal.aborted) {
      const session = new Session(this.#settings, context, memory, cases);
      this.#session = session;
      const renew = this.#renew.signal;
      try {
        await session.watch(AbortSignal.any([signal, renew]), () => {
          if (reconnect.isDue)
            log('info', 'Watching the instances of this host.', { uri: this.#settings.connectionUri });
          reconnect.connected();
          context.seen();
        });
      } catch (error) {
        if (signal.aborted) break;
        if (renew.aborted) continue;
        const reason = errorMessage(error);
        // Logged at the first and each further failed attempt; the runtime reports a monitor that is blind for too long.
        log(reconnect.isLongest ? 'debug' : 'warning', 'The instances of this host are not watched now.', {
          reason,
        });
        context.blind(reason);
        await reconnect.pause(signal);
      }
    }
    await cases.ended();
    await memory.save();
  }

  async poll(signal: AbortSignal): Promise<readonly Observation[]> {
    const connection = await connectTo(this.#settings, () => {}, signal);
    try {
      const observations: Observation[] = [];
      for (const domain of await listDomains(connection)) {
        if (!(await isOfNova(connection, domain))) continue;
        const { state, reason } = stateWords(domain.state, domain.reason);
        observations.push({ subject: domain.uuid, state, detail: `${domain.name}: ${state} (${reason})` });
      }
      return observations;
    } finally {
      connection.close();
    }
  }

  /** Queries Nova first: if it has the instance on another host, the state in libvirt here does not count. */
  async recheck({ notification }: NotificationBody, queryInstance = this.#context?.queryInstance): Promise<Recheck> {
    if (notification.type !== 'VM') return 'unknown';
    const uuid = notification.payload.instance_uuid.toLowerCase();
    try {
      const facts = await queryInstance?.(uuid);
      const old = { certainty: 'certain', ageMs: Number.POSITIVE_INFINITY } as const;
      const node = this.#context?.node ?? notification.hostname;
      if (decideNova(facts, node, old.certainty, old.ageMs).outcome === 'no failure') return 'over';
      const isDown = await this.#isDown(uuid);
      if (isDown === 'running') return notification.payload.event === 'IO_ERROR' ? 'unknown' : 'over';
      return isDown === 'down' ? 'still' : 'unknown';
    } catch {
      return 'unknown';
    }
  }

  async reload(options: EngineOptions): Promise<void> {
    const before = this.#settings;
    const now = settingsOf(options);
    if (now.stateFile !== before.stateFile) {
      throw new Error('The option state_file of the section libvirt changed; restart the monitor to apply it.');
    }
    this.#settings = now;
    if (JSON.stringify(now) === JSON.stringify(before)) return;
    this.#renew.abort();
    this.#renew = new AbortController();
  }

  async #isDown(uuid: string): Promise<'running' | 'down' | 'gone'> {
    const connection = await connectTo(this.#settings, () => {});
    try {
      const domain = (await listDomains(connection)).find((one) => one.uuid === uuid);
      if (domain === undefined) return 'gone';
      return isRunning(domain) ? 'running' : 'down';
    } catch (error) {
      if (error instanceof LibvirtRefusal) return 'gone';
      throw error;
    } finally {
      connection.close();
    }
  }
}

function settingsOf(options: EngineOptions): InstanceSettings {
  return options.instanceMonitor;
}

export const create: CreateMonitor = async (options) => new InstanceMonitor(settingsOf(options));
