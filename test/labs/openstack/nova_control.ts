import { waitUntil } from '../waiting.ts';
import type { LabPlan } from './configuration.ts';
import { type Row, sql } from './database.ts';
import type { BootOptions, Nova, NovaAction, NovaMigration, NovaServer, NovaService } from './nova.ts';
import type { Answer } from './rest.ts';

/** Calls of tests to the lab's Nova: an operator's calls, and changes that only the database allows. */
export class NovaControl {
  protected readonly nova: Nova;
  readonly #plan: LabPlan;

  constructor(plan: LabPlan, nova: Nova) {
    this.#plan = plan;
    this.nova = nova;
  }

  /** Boots instances on a host and waits until all are ACTIVE; their uuids. Several get `-1`, `-2`, … after the name. */
  async boot(count: number, host: string, options: BootOptions = {}): Promise<string[]> {
    return await this.nova.boot(count, host, options);
  }

  async server(uuid: string): Promise<NovaServer> {
    const { server } = await this.nova.call<{ server: NovaServer }>('GET', `/servers/${uuid}`);
    return server;
  }

  async servers(filter: { readonly host?: string } = {}): Promise<NovaServer[]> {
    return await this.nova.servers(new URLSearchParams(filter).toString());
  }

  /** Waits until the server is as wanted; the error shows how it was last. */
  async waitForServer(uuid: string, wanted: (server: NovaServer) => boolean, seconds = 60): Promise<NovaServer> {
    return await this.nova.waitForServer(uuid, wanted, seconds);
  }

  /** Services of Nova, e.g. `{binary: 'nova-compute', host: 'c1'}`. */
  async services(filter: { readonly binary?: string; readonly host?: string } = {}): Promise<NovaService[]> {
    return await this.nova.services(new URLSearchParams(filter).toString());
  }

  /** E.g. `{migration_type: 'evacuation', source_compute: 'c1'}`. */
  async migrations(filter: Readonly<Record<string, string>> = {}): Promise<NovaMigration[]> {
    return await this.nova.migrations(filter);
  }

  /** The requests for an instance since it was booted, oldest first. */
  async actionsOf(uuid: string): Promise<NovaAction[]> {
    return await this.nova.actions(uuid);
  }

  /** Any call to Nova as the administrator, with any response; `path` begins after `/v2.1`. */
  async request(method: string, path: string, body?: unknown, microversion?: string): Promise<Answer> {
    return await this.nova.request(method, path, body, microversion);
  }

  /** `POST /servers/{uuid}/action`; a response that is no success is an error. */
  async action(uuid: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
    return await this.nova.action(uuid, body);
  }

  async stopServer(uuid: string): Promise<void> {
    await this.#becomes(uuid, { 'os-stop': null }, 'SHUTOFF');
  }

  async startServer(uuid: string): Promise<void> {
    await this.#becomes(uuid, { 'os-start': null }, 'ACTIVE');
  }

  async pause(uuid: string): Promise<void> {
    await this.#becomes(uuid, { pause: null }, 'PAUSED');
  }

  async suspend(uuid: string): Promise<void> {
    await this.#becomes(uuid, { suspend: null }, 'SUSPENDED');
  }

  /** Resized and not yet confirmed; it is on another host afterwards, if Nova finds one. */
  async resize(uuid: string): Promise<void> {
    await this.#becomes(uuid, { resize: { flavorRef: 'micro' } }, 'VERIFY_RESIZE');
  }

  async lock(uuid: string): Promise<void> {
    await this.action(uuid, { lock: { locked_reason: 'lab' } });
  }

  async unlock(uuid: string): Promise<void> {
    await this.action(uuid, { unlock: null });
  }

  async resetState(uuid: string, state: 'active' | 'error'): Promise<void> {
    await this.action(uuid, { 'os-resetState': { state } });
  }

  /** As an operation that was interrupted leaves it; only the database allows that. */
  async setTaskState(uuid: string, state: string | null): Promise<void> {
    await this.#setColumn(uuid, 'task_state', state);
  }

  /** For states that Nova reaches only with a Glance: `rescued`, `shelved`. */
  async setVmState(uuid: string, state: string): Promise<void> {
    await this.#setColumn(uuid, 'vm_state', state);
  }

  /** Runs SQL in Nova's database; the rows of the SELECT, if it is one. */
  async novaSql(statement: string): Promise<Row[]> {
    return await sql(this.#plan, statement);
  }

  async waitForServiceState(host: string, state: 'up' | 'down', seconds = 90): Promise<void> {
    await waitUntil({ what: `nova-compute of ${host} to be ${state}`, seconds, everyMs: 200 }, async () =>
      (await this.nova.computeService(host)).state === state ? true : undefined,
    );
  }

  async enableService(host: string): Promise<void> {
    await this.nova.changeService(host, { status: 'enabled' });
  }

  async disableService(host: string, reason: string): Promise<void> {
    await this.nova.changeService(host, { status: 'disabled', disabled_reason: reason });
  }

  async forceDown(host: string): Promise<void> {
    await this.nova.changeService(host, { forced_down: true });
  }

  /** The id of the new aggregate. */
  async createHostAggregate(name: string, hosts: readonly string[]): Promise<number> {
    return await this.nova.createAggregate(name, hosts);
  }

  /** The id of a new group of instances that must be on one host: Nova finds no host to evacuate them to. */
  async createAffinityGroup(name: string): Promise<string> {
    return await this.nova.createAffinityGroup(name);
  }

  /** Deletes all instances; those of a killed compute only once Nova knows that it is down. */
  async deleteAll(seconds = 120): Promise<void> {
    await this.nova.deleteAll(seconds);
  }

  async #becomes(uuid: string, action: Readonly<Record<string, unknown>>, status: string): Promise<void> {
    await this.action(uuid, action);
    await this.waitForServer(uuid, (server) => server.status === status);
  }

  async #setColumn(uuid: string, column: 'task_state' | 'vm_state', value: string | null): Promise<void> {
    for (const word of [uuid, value ?? '']) {
      if (!/^[\w-]*$/.test(word)) throw new Error(`${word} is neither a uuid nor a state.`);
    }
    const text = value === null ? 'NULL' : `'${value}'`;
    await this.novaSql(`UPDATE instances SET ${column} = ${text}, updated_at = UTC_TIMESTAMP() WHERE uuid = '${uuid}'`);
  }
}
