/**
 * The instance monitor: watches the domains of Nova through libvirt's read-only socket, and reports those that failed.
 *
 * Invariants: it only looks, at libvirt, its logs and Nova; while libvirtd cannot be reached it tries for ever and says so.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineOptions } from '#config/options.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { stateWords } from '../libvirt/constants.ts';
import { isOfNova, isRunning, listDomains, stateOf } from '../libvirt/domains.ts';
import { LibvirtRefusal } from '../libvirt/errors.ts';
import type { CreateMonitor, Monitor, MonitorContext, Recheck, Sight } from '../monitor.ts';
import { Cases } from './cases.ts';
import { bootId, Memory } from './memory.ts';
import { judgeNova } from './nova-verdict.ts';
import { Session } from './session.ts';
import { connectTo, type InstanceSettings } from './settings.ts';

/** First and longest pause before libvirtd is tried again. Masakari: always 3 s. */
const RECONNECT_MS = [500, 5000] as const;

/** Three listings in vain, and longer than it takes to find a libvirtd that hangs (18 s) and to reach the next. */
const BLIND_AFTER_MS = 60_000;

class InstanceMonitor implements Monitor {
  readonly name = 'instance';
  #settings: InstanceSettings;
  #context: MonitorContext | undefined;
  #session: Session | undefined;
  /** Ends the session whose settings are no longer so. */
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
    let pause: number = RECONNECT_MS[0];
    while (!signal.aborted) {
      const session = new Session(this.#settings, context, memory, cases);
      this.#session = session;
      const renew = this.#renew.signal;
      try {
        await session.watch(AbortSignal.any([signal, renew]), () => {
          if (pause !== 0) log('info', 'Watching the instances of this host.', { uri: this.#settings.connectionUri });
          pause = 0;
          context.seen();
        });
      } catch (error) {
        if (signal.aborted) break;
        if (renew.aborted) continue;
        const reason = error instanceof Error ? error.message : String(error);
        // Said when it begins and whenever it is tried in vain; the runtime says when it lasts too long.
        log(pause === RECONNECT_MS[1] ? 'debug' : 'warning', 'The instances of this host are not watched now.', {
          reason,
        });
        context.blind(reason);
        pause = Math.min(Math.max(RECONNECT_MS[0], pause * 2), RECONNECT_MS[1]);
        await delay(pause, undefined, { signal }).catch(() => {});
      }
    }
    await cases.ended();
    await memory.save();
  }

  async look(signal: AbortSignal): Promise<readonly Sight[]> {
    const connection = await connectTo(this.#settings, () => {}, signal);
    try {
      const sights: Sight[] = [];
      for (const domain of await listDomains(connection)) {
        if (!(await isOfNova(connection, domain))) continue;
        const { state, reason } = stateWords(domain.state, domain.reason);
        sights.push({ subject: domain.uuid, state, detail: `${domain.name}: ${state} (${reason})` });
      }
      return sights;
    } finally {
      connection.close();
    }
  }

  /** Nova is asked first: where it has the instance elsewhere, libvirt here has nothing to say. */
  async recheck({ notification }: NotificationBody, askInstance = this.#context?.askInstance): Promise<Recheck> {
    if (notification.type !== 'VM') return 'unknown';
    const uuid = notification.payload.instance_uuid.toLowerCase();
    try {
      const facts = await askInstance?.(uuid);
      const old = { certainty: 'certain', ageMs: Number.POSITIVE_INFINITY } as const;
      const node = this.#context?.node ?? notification.hostname;
      if (judgeNova(facts, node, old.certainty, old.ageMs).verdict === 'no failure') return 'over';
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
      throw new Error('The option state_file of the section libvirt takes a restart of the monitor to change.');
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
