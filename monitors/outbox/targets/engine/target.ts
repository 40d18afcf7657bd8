/**
 * Delivers to our engine on any of its hosts: tries its addresses in sequence and keeps using the one that responded.
 *
 * Invariant: `accepted` is returned only for a response of an engine, which responds after it has journaled. A lost response
 * is `away`: the report is sent again and the engine recognizes it.
 */

import * as v from 'valibot';
import { describeAddress, type EngineAddress } from '#protocol/address.ts';
import { NoEngine, RpcClient } from '#protocol/client.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { isNotInCharge, RPC_ERRORS, RpcError } from '#protocol/json-rpc.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { InstanceFacts, MonitorName } from '../../../service/monitor.ts';
import type { Blindness, DeliveryFacts, Sent, Target } from '../target.ts';

export interface EngineTargetParts {
  readonly description: string;
  /** Called for each connection, so that a renewed key or certificate takes effect at once. May throw; the message is logged. */
  readonly addresses: () => readonly EngineAddress[];
  readonly answerTimeoutMs: number;
}

/** Time after which an unused connection is closed: an engine's host that loses its power does not close it. */
const IDLE_MS = 5_000;

/** The engine's limit. */
const MAX_REASON = 1000;

const REFUSALS: readonly number[] = [
  RPC_ERRORS.parse,
  RPC_ERRORS.invalidRequest,
  RPC_ERRORS.invalidParams,
  RPC_ERRORS.refused,
];

const answerSchema = v.object({ notification_uuid: v.string(), status: v.string(), duplicate: v.boolean() });
const nullableText = v.nullable(v.string());
const instanceSchema = v.nullable(
  v.object({
    status: v.picklist(['found', 'not found']),
    host: nullableText,
    vm_state: nullableText,
    task_state: nullableText,
  }),
);

export class EngineTarget implements Target {
  readonly #parts: EngineTargetParts;
  #client: RpcClient | undefined;
  #connecting: Promise<RpcClient> | undefined;
  /** Index of the address that responded last, or is next. */
  #preferred = 0;
  #underWay = 0;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(parts: EngineTargetParts) {
    this.#parts = parts;
  }

  get description(): string {
    return this.#parts.description;
  }

  async reach(): Promise<string | undefined> {
    try {
      await this.#connected();
      return undefined;
    } catch (error) {
      return errorMessage(error);
    } finally {
      this.#restLater();
    }
  }

  async send(body: NotificationBody, { ageMs, attempts, proof }: DeliveryFacts): Promise<Sent> {
    const params = { ...body, delivery: { age_seconds: Math.round(ageMs / 1000), attempts } };
    try {
      const answer = v.parse(answerSchema, await this.#notify(proof === 'none' ? params : { ...params, proof }));
      const known = answer.duplicate ? ', known already' : '';
      return { outcome: 'accepted', answer: `${answer.notification_uuid} ${answer.status}${known}` };
    } catch (error) {
      const reason = errorMessage(error);
      // The share of this host is used up: the same report is accepted later.
      if (!(error instanceof RpcError) || error.code === RPC_ERRORS.tooMany) return { outcome: 'away', reason };
      return { outcome: REFUSALS.includes(error.code) ? 'refused' : 'failed', reason: `engine: ${reason}` };
    }
  }

  /** An engine of a version without proofs refuses the field, and gets the report without it. */
  async #notify(params: NotificationBody & { readonly proof?: ReportedProof }): Promise<unknown> {
    try {
      return await this.#call('notify', params);
    } catch (error) {
      const { proof, ...rest } = params;
      const isUnknown = error instanceof RpcError && error.code === RPC_ERRORS.invalidParams && error.field === 'proof';
      if (proof === undefined || !isUnknown) throw error;
      return await this.#call('notify', rest);
    }
  }

  async queryInstance(uuid: string): Promise<InstanceFacts | undefined> {
    try {
      const answer = v.parse(instanceSchema, await this.#call('instance', { uuid }));
      if (answer === null) return undefined;
      const { status, host, vm_state, task_state } = answer;
      return { status, host, vmState: vm_state, taskState: task_state };
    } catch {
      return undefined;
    }
  }

  async reportBlind(host: string, monitors: readonly Blindness[], seeing: readonly MonitorName[]): Promise<void> {
    const received = monitors.map(({ monitor, reason, ms }) => ({
      monitor,
      reason: reason.slice(0, MAX_REASON),
      seconds: Math.round(ms / 1000),
    }));
    await this.#call('blind', { host, blind: received, seeing }).catch(() => {});
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#drop();
    await this.#connecting?.catch(() => {});
    this.#drop();
  }

  /** Calls one engine after the other until one is active. Throws that engine's `RpcError`, or `NoEngine`. */
  async #call(method: string, params: unknown): Promise<unknown> {
    this.#underWay += 1;
    try {
      for (let engines = Math.max(1, this.#addressCount()); ; engines -= 1) {
        const client = await this.#connected();
        try {
          return await client.call(method, params);
        } catch (error) {
          const isOver = error instanceof NoEngine || (error instanceof RpcError && isNotInCharge(error));
          if (!isOver) throw error;
          this.#forget(client);
          if (engines <= 1) throw error instanceof NoEngine ? error : new NoEngine(error.message, { cause: error });
        }
      }
    } finally {
      this.#underWay -= 1;
      this.#restLater();
    }
  }

  #addressCount(): number {
    try {
      return this.#parts.addresses().length;
    } catch {
      return 1;
    }
  }

  async #connected(): Promise<RpcClient> {
    clearTimeout(this.#idle);
    if (this.#isClosed) throw new NoEngine('this monitor stops');
    if (this.#client) return this.#client;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<RpcClient> {
    const addresses = this.#parts.addresses();
    const faults: string[] = [];
    for (let step = 0; step < addresses.length; step += 1) {
      const index = (this.#preferred + step) % addresses.length;
      const address = addresses[index];
      if (!address || this.#isClosed) continue;
      try {
        const client = await RpcClient.connect(address, { answerTimeoutMs: this.#parts.answerTimeoutMs });
        this.#preferred = index;
        this.#client = client;
        void client.closed.then(() => {
          if (this.#client === client) this.#client = undefined;
        });
        return client;
      } catch (error) {
        faults.push(error instanceof NoEngine ? error.message : `${describeAddress(address)}: ${errorMessage(error)}`);
      }
    }
    throw new NoEngine(faults.length > 0 ? faults.join('; ') : 'no address of an engine is known');
  }

  /** This engine is not active, or hangs: the next address is tried first. */
  #forget(client: RpcClient): void {
    client[Symbol.dispose]();
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#preferred += 1;
  }

  #drop(): void {
    clearTimeout(this.#idle);
    this.#client?.[Symbol.dispose]();
    this.#client = undefined;
  }

  #restLater(): void {
    clearTimeout(this.#idle);
    if (this.#underWay === 0) this.#idle = setTimeout(() => this.#drop(), IDLE_MS).unref();
  }
}
