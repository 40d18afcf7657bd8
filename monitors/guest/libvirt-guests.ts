/**
 * Reads the guests' state through libvirt. Decides nothing.
 *
 * libvirt connects to the agent's socket when it starts a domain, and QEMU serves one connection. A second client of the
 * socket never gets a response, and a client that connects before libvirt takes the agent from Nova. Therefore the pings
 * are sent through libvirt.
 */
import { errorMessage } from '#protocol/error-message.ts';
import type { LibvirtConnection } from '../libvirt/connection.ts';
import type { DomainName } from '../libvirt/domain-name.ts';
import { type DomainDescription, readDomainXml } from '../libvirt/domain-xml.ts';
import { type Control, controlOf, isRunning, listDomains, stateOf, xmlOf } from '../libvirt/domains.ts';
import { ConnectionLost } from '../libvirt/errors.ts';
import { type PingAnswer, pingAgent, probeQemu } from '../libvirt/qemu.ts';
import { Links } from './connections.ts';
import type { Answer } from './guest-decision.ts';
import type { GuestReading, Guests } from './guests.ts';
import { Probes } from './probes.ts';
import type { Selector } from './selection.ts';

/** Below libvirt's five unanswered calls of a connection. */
const AT_ONCE = 4;

export interface LibvirtSettings {
  readonly sockets: readonly string[];
  readonly uri: string;
  readonly pingTimeoutMs: number;
  readonly selects: Selector;
  /** For QEMU itself: no query, only libvirt's control info, or the control info after a request to QEMU. */
  readonly qemu: 'ignore' | 'read' | 'probe';
}

export class LibvirtGuests implements Guests {
  readonly #settings: LibvirtSettings;
  readonly #links: Links;
  readonly #probes: Probes;

  constructor(settings: LibvirtSettings) {
    this.#settings = settings;
    this.#links = new Links(settings.sockets, settings.uri);
    this.#probes = new Probes(async (domain) => probeQemu(await this.#links.probes.open(), domain));
  }

  async poll(signal: AbortSignal): Promise<readonly GuestReading[]> {
    const polls = await this.#links.polls.open();
    // Without a connection for agents the monitor is blind, even if it can read the domains.
    await this.#links.agents.open();
    return this.#pollAll(polls, await startedDomains(polls, signal), signal);
  }

  async readAt(uuid: string, signal: AbortSignal): Promise<GuestReading | undefined> {
    const polls = await this.#links.polls.open();
    const domains = (await startedDomains(polls, signal)).filter((domain) => domain.uuid === uuid.toLowerCase());
    return (await this.#pollAll(polls, domains, signal))[0];
  }

  close(): void {
    this.#links.close();
  }

  async #pollAll(
    polls: LibvirtConnection,
    domains: readonly DomainName[],
    signal: AbortSignal,
  ): Promise<GuestReading[]> {
    const observations: GuestReading[] = [];
    const left = domains.values();
    const work = async () => {
      for (const domain of left) {
        try {
          const observation = await this.#observationOf(polls, domain, signal);
          if (observation) observations.push(observation);
        } catch (error) {
          // These calls do not need QEMU. If they get no response, libvirt itself is down, for every domain.
          if (error instanceof ConnectionLost || signal.aborted) throw error;
          observations.push(unclear(domain, errorMessage(error)));
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return observations;
  }

  /** Undefined if it is not an instance of Nova, or has ended since it was listed. */
  async #observationOf(
    polls: LibvirtConnection,
    domain: DomainName,
    signal: AbortSignal,
  ): Promise<GuestReading | undefined> {
    const xml = await xmlOf(polls, domain, signal);
    const description = xml === undefined ? undefined : readDomainXml(xml);
    if (description?.instance === undefined) return undefined;
    const state = await stateOf(polls, domain, signal);
    if (state === undefined) return undefined;
    const life = isRunning(state) ? 'runs' : 'halted';
    const { qemu } = this.#settings;
    if (qemu === 'probe' && life === 'runs') await this.#probes.probe(domain, signal);
    const control = await controlOf(polls, domain, signal);
    if (control === undefined) return undefined;
    const controlAt = performance.now();
    const requested = await this.#query(domain, description, life, control, signal);
    const { uuid, name, id } = domain;
    return { uuid, name, domainId: id, control: qemu === 'ignore' ? undefined : control, controlAt, ...requested };
  }

  async #query(
    domain: DomainName,
    { channel, instance }: DomainDescription,
    life: 'runs' | 'halted',
    control: Control,
    signal: AbortSignal,
  ): Promise<{ answer: Answer | 'not queried'; detail: string }> {
    if (channel === 'none') return { answer: 'not queried', detail: 'it has no channel for a guest agent' };
    if (instance === undefined || !this.#settings.selects(domain.uuid, instance)) {
      return { answer: 'not queried', detail: 'the option guests excludes it' };
    }
    if (life === 'halted') return { answer: 'held', detail: 'it is paused, suspended or shutting down' };
    if (control.state === 'job') return { answer: 'held', detail: 'libvirt runs a job for it, e.g. a migration' };
    if (channel === 'disconnected') return { answer: 'disconnected', detail: 'no agent has opened its channel' };
    const ping = await this.#ping(domain, signal);
    if (ping === 'answered') return { answer: 'answered', detail: '' };
    if (ping === 'silent') return { answer: 'silent', detail: 'its agent does not respond' };
    return { answer: 'unknown', detail: ping.unknown };
  }

  /** A missing response of libvirt for one agent is no result for the others. */
  async #ping(domain: DomainName, signal: AbortSignal): Promise<PingAnswer> {
    try {
      return await pingAgent(await this.#links.agents.open(), domain, this.#settings.pingTimeoutMs, signal);
    } catch (error) {
      signal.throwIfAborted();
      return { unknown: errorMessage(error) };
    }
  }
}

/** Domains that are not started have the id -1 and are excluded. */
async function startedDomains(polls: LibvirtConnection, signal: AbortSignal): Promise<readonly DomainName[]> {
  return (await listDomains(polls, signal)).filter(({ id }) => id >= 0);
}

function unclear({ uuid, name, id }: DomainName, detail: string): GuestReading {
  return { uuid, name, domainId: id, answer: 'unknown', control: undefined, controlAt: performance.now(), detail };
}
