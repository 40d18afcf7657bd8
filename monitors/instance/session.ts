/**
 * One connection's worth of watching: subscribe, then list, then merge, and list again from time to time.
 *
 * Invariant: an event that arrived after a listing was asked for counts more than the listing, which may be older; events
 * are judged one after the other, in the order in which they arrived.
 */

import type { LibvirtConnection } from '../libvirt/connection.ts';
import type { DomainName } from '../libvirt/domain-name.ts';
import { isOfNova, type ListedDomain, listDomains } from '../libvirt/domains.ts';
import { LibvirtRefusal } from '../libvirt/errors.ts';
import type { DomainEvent } from '../libvirt/events.ts';
import type { MonitorContext } from '../monitor.ts';
import type { Cases } from './cases.ts';
import { afterVerdict } from './known-domain.ts';
import type { Memory } from './memory.ts';
import { readEnding } from './qemu-log.ts';
import { connectTo, type InstanceSettings } from './settings.ts';
import { judgeEvent, judgeListed, type Listed, needsLog, type Verdict } from './verdict.ts';

/** More than this are not waited for: the connection is made anew, and a listing tells what they would have told. */
const MAX_INBOX = 20_000;

interface Told {
  readonly event: DomainEvent;
  readonly at: number;
}

export class Session {
  readonly #settings: InstanceSettings;
  readonly #context: MonitorContext;
  readonly #memory: Memory;
  readonly #cases: Cases;
  /** Domains that are not Nova's, by UUID. */
  readonly #strangers = new Set<string>();
  /** Those that libvirt refused to describe, which was said. */
  readonly #refused = new Set<string>();
  #inbox: Told[] = [];
  /** Resolved when there is an event, when a listing is due, and when the connection is over. */
  #arrived = Promise.withResolvers<void>();
  #connection: LibvirtConnection | undefined;

  constructor(settings: InstanceSettings, context: MonitorContext, memory: Memory, cases: Cases) {
    this.#settings = settings;
    this.#context = context;
    this.#memory = memory;
    this.#cases = cases;
  }

  /** While it lasts. */
  get connection(): LibvirtConnection | undefined {
    return this.#connection?.isOpen ? this.#connection : undefined;
  }

  /**
   * Watches until the connection ends or the signal comes; always throws, with the reason.
   *
   * @param onSeen called after each listing
   */
  async watch(signal: AbortSignal, onSeen: () => void): Promise<never> {
    const connection = await connectTo(this.#settings, (event) => this.#receive(event), signal);
    this.#connection = connection;
    void connection.closed.then(() => this.#arrived.resolve());
    try {
      await connection.subscribe();
      for (let after: Listed['after'] = 'reconnect'; ; after = 'resync') {
        await this.#list(connection, after);
        onSeen();
        await this.#follow(connection);
      }
    } finally {
      connection.close();
    }
  }

  #receive(event: DomainEvent): void {
    if (this.#inbox.length >= MAX_INBOX) {
      this.#connection?.close();
      return;
    }
    this.#inbox.push({ event, at: Date.now() });
    this.#arrived.resolve();
  }

  /** Judges events until the next listing is due. */
  async #follow(connection: LibvirtConnection): Promise<void> {
    let isDue = false;
    const timer = setTimeout(() => {
      isDue = true;
      this.#arrived.resolve();
    }, this.#settings.resyncIntervalMs);
    try {
      if (!connection.isOpen) this.#arrived.resolve();
      while (!isDue) {
        await this.#arrived.promise;
        // What arrived before the connection ended is judged as well.
        await this.#drain(connection);
        if (!connection.isOpen) throw await connection.closed;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Judges what arrived so far. */
  async #drain(connection: LibvirtConnection): Promise<void> {
    this.#arrived = Promise.withResolvers<void>();
    const told = this.#inbox;
    this.#inbox = [];
    for (const { event, at } of told) {
      const { domain } = event;
      // A definition may make Nova's what was not.
      if (event.kind === 'lifecycle' && event.event === 0) this.#strangers.delete(domain.uuid);
      if (!(await this.#isOurs(connection, domain))) continue;
      const fields = { instance: domain.uuid, ...('event' in event && { event: event.event, detail: event.detail }) };
      this.#context.log('debug', `libvirt tells: ${event.kind} of ${domain.name}.`, fields);
      this.#act(domain, judgeEvent(this.#memory.get(domain.uuid), event), at);
    }
    await this.#save();
  }

  async #list(connection: LibvirtConnection, after: Listed['after']): Promise<void> {
    await this.#drain(connection);
    const listed = await listDomains(connection);
    const overtaken = new Set(this.#inbox.map(({ event }) => event.domain.uuid));
    const present = new Set(listed.map(({ uuid }) => uuid));
    for (const domain of listed) {
      if (overtaken.has(domain.uuid) || !(await this.#isOurs(connection, domain))) continue;
      await this.#merge(domain, { id: domain.id, state: domain, after });
    }
    for (const [uuid, { name, life }] of this.#memory.entries()) {
      if (present.has(uuid) || overtaken.has(uuid)) continue;
      await this.#merge({ name, uuid, id: life }, { id: -1, state: undefined, after });
    }
    await this.#save();
  }

  async #merge(domain: DomainName | ListedDomain, listed: Listed): Promise<void> {
    // What has a case is being asked about already.
    if (this.#cases.has(domain.uuid)) return;
    const known = this.#memory.get(domain.uuid);
    const ending = needsLog(known, listed) ? await this.#endingOf(domain.name) : undefined;
    // While the log was read an event may have come: it is the newer.
    if (this.#inbox.some(({ event }) => event.domain.uuid === domain.uuid)) return;
    this.#act(domain, judgeListed(known, listed, ending), Date.now());
  }

  #act(domain: DomainName, verdict: Verdict, at: number): void {
    if (verdict.verdict === 'failed') {
      this.#cases.open({ ...verdict, domain, at: verdict.at ?? at });
    } else if (this.#cases.has(domain.uuid)) {
      this.#cases.hear(domain, verdict);
    } else {
      this.#memory.set(domain.uuid, afterVerdict(this.#memory.get(domain.uuid), verdict, domain.name, at));
    }
  }

  async #isOurs(connection: LibvirtConnection, domain: DomainName): Promise<boolean> {
    if (this.#memory.get(domain.uuid) !== undefined || this.#cases.has(domain.uuid)) return true;
    if (this.#strangers.has(domain.uuid)) return false;
    try {
      const isOurs = await isOfNova(connection, domain);
      if (isOurs === false) this.#strangers.add(domain.uuid);
      this.#refused.delete(domain.uuid);
      return isOurs ?? false;
    } catch (error) {
      if (!(error instanceof LibvirtRefusal)) throw error;
      // The others are watched all the same; of this one it is asked again at each listing.
      if (!this.#refused.has(domain.uuid)) {
        const what = `Whether domain ${domain.name} is Nova's cannot be found out; it is not watched until then.`;
        this.#context.log('warning', what, { instance: domain.uuid, reason: error.message });
      }
      this.#refused.add(domain.uuid);
      return false;
    }
  }

  async #endingOf(name: string): ReturnType<typeof readEnding> {
    try {
      return await readEnding(this.#settings.qemuLogDirectory, name);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#context.log('warning', `The log of domain ${name} cannot be read; Nova is asked instead.`, { reason });
      return undefined;
    }
  }

  /** What cannot be written now is written the next time: a failure found twice is better than one lost. */
  async #save(): Promise<void> {
    try {
      await this.#memory.save();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#context.log('error', 'What is known of the instances could not be saved.', { reason });
    }
  }
}
