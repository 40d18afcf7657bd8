/**
 * The watch over one connection: subscribe, then list, then compare, and list again at each interval.
 *
 * Invariant: an event that arrived after the request of a listing overrides the listing, which may be older. Events are
 * processed one after the other, in the order of their arrival.
 */

import { errorMessage } from '#protocol/error-message.ts';
import type { LibvirtConnection } from '../libvirt/connection.ts';
import type { DomainName } from '../libvirt/domain-name.ts';
import { isOfNova, type ListedDomain, listDomains } from '../libvirt/domains.ts';
import { LibvirtRefusal } from '../libvirt/errors.ts';
import type { DomainEvent } from '../libvirt/events.ts';
import type { MonitorContext } from '../service/monitor.ts';
import type { Cases } from './cases.ts';
import type { DomainDecision } from './failure.ts';
import { decideEvent, decideListed, type Listed, needsLog } from './failure-decision.ts';
import { afterDecision } from './known-domain.ts';
import { readEnding } from './qemu-log.ts';
import { connectTo, type InstanceSettings } from './settings.ts';
import type { Memory } from './state-file.ts';

/** The largest number of waiting events. Beyond it the connection is reopened, and a listing replaces the events. */
const MAX_INBOX = 20_000;

interface ReceivedEvent {
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
  /** Domains that libvirt refused to describe, after that was logged. */
  readonly #refused = new Set<string>();
  #inbox: ReceivedEvent[] = [];
  /** Resolved when there is an event, when a listing is due, and when the connection is over. */
  #arrived = Promise.withResolvers<void>();
  #connection: LibvirtConnection | undefined;

  constructor(settings: InstanceSettings, context: MonitorContext, memory: Memory, cases: Cases) {
    this.#settings = settings;
    this.#context = context;
    this.#memory = memory;
    this.#cases = cases;
  }

  /** Undefined when it has ended. */
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

  /** Processes events until the next listing is due. */
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
        // Events that arrived before the connection ended are processed as well.
        await this.#drain(connection);
        if (!connection.isOpen) throw await connection.closed;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Processes the events that have arrived. */
  async #drain(connection: LibvirtConnection): Promise<void> {
    this.#arrived = Promise.withResolvers<void>();
    const received = this.#inbox;
    this.#inbox = [];
    for (const { event, at } of received) {
      const { domain } = event;
      // A definition may turn another domain into one of Nova.
      if (event.kind === 'lifecycle' && event.event === 0) this.#strangers.delete(domain.uuid);
      if (!(await this.#isOurs(connection, domain))) continue;
      const fields = { instance: domain.uuid, ...('event' in event && { event: event.event, detail: event.detail }) };
      this.#context.log('debug', `libvirt event: ${event.kind} of ${domain.name}.`, fields);
      this.#act(domain, decideEvent(this.#memory.get(domain.uuid), event), at);
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
    // An instance with a case is already being checked.
    if (this.#cases.has(domain.uuid)) return;
    const known = this.#memory.get(domain.uuid);
    const ending = needsLog(known, listed) ? await this.#endingOf(domain.name) : undefined;
    // An event may have arrived while the log was read: it is newer.
    if (this.#inbox.some(({ event }) => event.domain.uuid === domain.uuid)) return;
    this.#act(domain, decideListed(known, listed, ending), Date.now());
  }

  #act(domain: DomainName, decision: DomainDecision, at: number): void {
    if (decision.outcome === 'failed') {
      this.#cases.open({ ...decision, domain, at: decision.at ?? at });
    } else if (this.#cases.has(domain.uuid)) {
      this.#cases.receive(domain, decision);
    } else {
      this.#memory.set(domain.uuid, afterDecision(this.#memory.get(domain.uuid), decision, domain.name, at));
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
      // The others are still watched; this one is read again at each listing.
      if (!this.#refused.has(domain.uuid)) {
        const what = `Domain ${domain.name} cannot be read, so it may be Nova's; it is not watched until it can be read.`;
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
      const reason = errorMessage(error);
      this.#context.log('warning', `The log of domain ${name} cannot be read; Nova is queried instead.`, { reason });
      return undefined;
    }
  }

  /** A state that cannot be written now is written the next time: a failure detected twice is better than one lost. */
  async #save(): Promise<void> {
    try {
      await this.#memory.save();
    } catch (error) {
      const reason = errorMessage(error);
      this.#context.log('error', 'The state file of the instances could not be written.', { reason });
    }
  }
}
