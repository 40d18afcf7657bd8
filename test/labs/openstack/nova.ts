import { waitUntil } from '../waiting.ts';
import { type LabPlan, url } from './configuration.ts';
import { TINY_IMAGE } from './glance.ts';
import type { Answer, RestClient } from './rest.ts';

/** The lab's own control calls to Nova, as the administrator. */

/** Nova 26 (Zed) knows no later one. */
const MICROVERSION = '2.93';

/** As many instances as one boot request creates. */
const BOOT_BATCH = 50;

/** A server as Nova lists it; only fields that tests use are named. */
export interface NovaServer {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly locked: boolean;
  readonly 'OS-EXT-SRV-ATTR:host': string | null;
  readonly 'OS-EXT-STS:vm_state': string;
  readonly 'OS-EXT-STS:task_state': string | null;
  readonly 'OS-EXT-STS:power_state': number;
  readonly fault?: { readonly message: string };
  readonly [field: string]: unknown;
}

export interface NovaService {
  readonly id: string;
  readonly binary: string;
  readonly host: string;
  readonly status: 'enabled' | 'disabled';
  readonly state: 'up' | 'down';
  readonly forced_down: boolean;
  readonly disabled_reason: string | null;
  readonly updated_at: string | null;
}

export interface NovaMigration {
  readonly id: number;
  readonly uuid: string;
  readonly instance_uuid: string;
  readonly status: string;
  readonly migration_type: string;
  readonly source_compute: string;
  readonly dest_compute: string | null;
  readonly created_at: string;
  readonly updated_at: string | null;
  readonly [field: string]: unknown;
}

/** A request for an instance; events are the parts in which Nova executed it, oldest first. */
export interface NovaAction {
  readonly action: string;
  readonly request_id: string;
  /** `Error`, or null. */
  readonly message: string | null;
  readonly events: readonly {
    readonly event: string;
    /** Null while it runs. */
    readonly result: string | null;
    readonly host?: string;
    readonly details?: string | null;
  }[];
}

export interface BootOptions {
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly flavor?: 'nano' | 'micro';
  /** `tiny` is Glance's only image; default a blank disk. */
  readonly image?: 'tiny';
  /** The id of a server group. */
  readonly group?: string;
}

export class Nova {
  readonly #address: string;
  readonly #rest: RestClient;

  constructor(plan: LabPlan, rest: RestClient) {
    this.#address = `${url(plan, 'nova')}/v2.1`;
    this.#rest = rest;
  }

  /** Any call, with any response. */
  async request(method: string, path: string, body?: unknown, microversion = MICROVERSION): Promise<Answer> {
    return await this.#rest.request(method, this.#address + path, this.#options(body, microversion));
  }

  /** A call that must succeed; its body. */
  async call<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.#rest.call(method, this.#address + path, this.#options(body, MICROVERSION));
    return answer.body as T;
  }

  async action(uuid: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
    return await this.#rest.call('POST', `${this.#address}/servers/${uuid}/action`, this.#options(body, MICROVERSION));
  }

  async createFlavors(): Promise<void> {
    const sizes = { nano: 64, micro: 128 };
    await Promise.all(
      Object.entries(sizes).map(([name, ram]) =>
        this.call('POST', '/flavors', {
          flavor: { name, id: name, vcpus: 1, ram, disk: 0, 'OS-FLV-EXT-DATA:ephemeral': 1 },
        }),
      ),
    );
  }

  /** Boots on a named host; resolves when all are ACTIVE. */
  async boot(count: number, host: string, options: BootOptions): Promise<string[]> {
    const reservations: string[] = [];
    for (let left = count; left > 0; left -= BOOT_BATCH) {
      const { reservation_id } = await this.call<{ reservation_id: string }>('POST', '/servers', {
        server: bootRequest(Math.min(left, BOOT_BATCH), host, options),
        ...(options.group === undefined ? {} : { 'OS-SCH-HNT:scheduler_hints': { group: options.group } }),
      });
      reservations.push(reservation_id);
    }
    const outageRetry = { what: `${count} instances to boot on ${host}`, seconds: 60 + 2 * count, everyMs: 300 };
    return await waitUntil(outageRetry, async () => {
      const lists = await Promise.all(reservations.map((id) => this.servers(`reservation_id=${id}`)));
      const servers = lists.flat();
      const broken = servers.find((server) => server.status === 'ERROR');
      if (broken) throw new Error(`Instance ${broken.id} did not boot on ${host}: ${broken.fault?.message}`);
      return servers.length === count && servers.every((server) => server.status === 'ACTIVE')
        ? servers.map((server) => server.id)
        : undefined;
    });
  }

  async waitForServer(uuid: string, wanted: (server: NovaServer) => boolean, seconds: number): Promise<NovaServer> {
    let last = 'nothing';
    try {
      return await waitUntil({ what: `instance ${uuid}`, seconds, everyMs: 200 }, async () => {
        const { server } = await this.call<{ server: NovaServer }>('GET', `/servers/${uuid}`);
        last = JSON.stringify(server);
        return wanted(server) ? server : undefined;
      });
    } catch (error) {
      throw new Error(`Instance ${uuid} did not become what it should; it was ${last}.`, { cause: error });
    }
  }

  /** All pages. */
  async servers(query = ''): Promise<NovaServer[]> {
    const found: NovaServer[] = [];
    for (;;) {
      const marker = found.length === 0 ? '' : `&marker=${found.at(-1)?.id}`;
      const path = `/servers/detail?all_tenants=1&limit=500&${query}${marker}`;
      const { servers } = await this.call<{ servers: NovaServer[] }>('GET', path);
      found.push(...servers);
      if (servers.length < 500) return found;
    }
  }

  async services(query: string): Promise<NovaService[]> {
    return (await this.call<{ services: NovaService[] }>('GET', `/os-services?${query}`)).services;
  }

  /** The nova-compute of a host. */
  async computeService(host: string): Promise<NovaService> {
    const [service] = await this.services(`binary=nova-compute&host=${host}`);
    if (service === undefined) throw new Error(`Nova knows no nova-compute on ${host}.`);
    return service;
  }

  async changeService(host: string, change: Readonly<Record<string, unknown>>): Promise<void> {
    const { id } = await this.computeService(host);
    await this.call('PUT', `/os-services/${id}`, change);
  }

  async migrations(filter: Readonly<Record<string, string>>): Promise<NovaMigration[]> {
    const query = new URLSearchParams(filter);
    return (await this.call<{ migrations: NovaMigration[] }>('GET', `/os-migrations?${query}`)).migrations;
  }

  /** Oldest first, without the boot. */
  async actions(uuid: string): Promise<NovaAction[]> {
    const path = `/servers/${uuid}/os-instance-actions`;
    const { instanceActions } = await this.call<{ instanceActions: { request_id: string }[] }>('GET', path);
    const found: NovaAction[] = [];
    for (const { request_id } of instanceActions.toReversed()) {
      const { instanceAction } = await this.call<{ instanceAction: NovaAction }>('GET', `${path}/${request_id}`);
      if (instanceAction.action !== 'create') {
        found.push({ ...instanceAction, events: instanceAction.events.toReversed() });
      }
    }
    return found;
  }

  async createAggregate(name: string, hosts: readonly string[]): Promise<number> {
    const { aggregate } = await this.call<{ aggregate: { id: number } }>('POST', '/os-aggregates', {
      aggregate: { name },
    });
    for (const host of hosts) {
      await this.call('POST', `/os-aggregates/${aggregate.id}/action`, { add_host: { host } });
    }
    return aggregate.id;
  }

  /** Nova keeps the instances of the group on one host, and so evacuates none of them. */
  async createAffinityGroup(name: string): Promise<string> {
    const body = { server_group: { name, policy: 'affinity' } };
    const { server_group } = await this.call<{ server_group: { id: string } }>('POST', '/os-server-groups', body);
    return server_group.id;
  }

  /** A call is repeated while it is refused with a conflict: an instance with a task in progress may finish it. */
  async deleteAll(seconds: number): Promise<void> {
    const outageRetry = { what: 'all instances to be deleted', seconds, everyMs: 500 };
    await waitUntil(outageRetry, async () => {
      const servers = await this.servers();
      const waiting = servers.filter((server) => server['OS-EXT-STS:task_state'] !== 'deleting');
      await inBatches(waiting, 8, (server) => this.request('DELETE', `/servers/${server.id}`));
      return servers.length === 0 ? true : undefined;
    });
  }

  #options(body: unknown, microversion: string) {
    return { body, headers: { 'OpenStack-API-Version': `compute ${microversion}` } };
  }
}

/** A blank local disk, which needs no Glance. */
const BLANK_DISK = {
  imageRef: '',
  block_device_mapping_v2: [
    { boot_index: 0, source_type: 'blank', destination_type: 'local', volume_size: 1, delete_on_termination: true },
  ],
};

/** Without a network. */
function bootRequest(count: number, host: string, options: BootOptions): Record<string, unknown> {
  return {
    name: options.name ?? `vm-${host}`,
    flavorRef: options.flavor ?? 'nano',
    networks: 'none',
    ...(options.image === 'tiny' ? { imageRef: TINY_IMAGE } : BLANK_DISK),
    availability_zone: `nova:${host}`,
    metadata: options.metadata ?? {},
    min_count: count,
    max_count: count,
    return_reservation_id: true,
  };
}

async function inBatches<T>(items: readonly T[], size: number, act: (item: T) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < items.length; i += size) await Promise.all(items.slice(i, i + size).map(act));
}
