/**
 * Sources of the output of `list`, `show` and `status`: the engine if it responds, else the journal, read-only,
 * else the `status.json` of the last engine.
 */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { JournalFailure } from '#engine/journal/failure.ts';
import { JournalReader } from '#engine/journal/reader.ts';
import { statusFileOf } from '#engine/journal/status-file.ts';
import { iso, viewAudit, viewMaintenance, viewNotification, viewPause, viewRecovery } from '#engine/service/views.ts';
import type { EngineAddress } from '#protocol/address.ts';
import { NoEngine, RpcClient } from '#protocol/client.ts';
import { isNotInCharge, RPC_ERRORS, RpcError } from '#protocol/json-rpc.ts';
import type { NotificationStatus } from '#protocol/notification-status.ts';
import type { AuditView, NotificationView, RecoveryView, StatusView } from '#protocol/views.ts';
import type { CommandLine } from './command.ts';
import { configurationOf, givenPath } from './configuration.ts';
import { engineAddressOf } from './engine-address.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

export interface ListFilter {
  readonly limit: number;
  readonly status?: NotificationStatus;
}

export interface AuditFilter {
  readonly limit: number;
  /** ms UTC. */
  readonly since?: number;
}

export interface Records {
  list(filter: ListFilter): Promise<readonly NotificationView[]>;
  show(uuid: string): Promise<RecoveryView>;
  status(): Promise<StatusView>;
  /** The newest entries of the audit, oldest first. */
  audit(filter: AuditFilter): Promise<readonly AuditView[]>;
}

async function callEngine(engine: EngineAddress, method: string, params: unknown): Promise<unknown> {
  using client = await RpcClient.connect(engine, { answerTimeoutMs: 10_000 });
  return await client.call(method, params);
}

function fromEngine(address: EngineAddress): Records {
  const query = async (method: string, params: unknown): Promise<unknown> => {
    try {
      return await callEngine(address, method, params);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      // The engine is stopping or starting; the journal has the data that it cannot return.
      if (isNotInCharge(error)) throw new NoEngine(error.message, { cause: error });
      throw new CommandFailure(EXIT.failed, error.message, error);
    }
  };
  return {
    list: async (filter) => (await query('list', filter)) as NotificationView[],
    show: async (uuid) => (await query('show', { uuid })) as RecoveryView,
    status: async () => (await query('status', {})) as StatusView,
    audit: async (filter) => (await query('audit', filter)) as AuditView[],
  };
}

function read<T>(journalPath: string, query: (reader: JournalReader) => T): T {
  const reader = new JournalReader(journalPath);
  try {
    return query(reader);
  } finally {
    reader.close();
  }
}

function fromJournal(journalPath: string): Records {
  return {
    list: async (filter) => read(journalPath, (reader) => reader.query('list', filter).map(viewNotification)),
    show: async (uuid) => {
      const found = read(journalPath, (reader) => reader.query('show', uuid));
      if (!found) throw new CommandFailure(EXIT.failed, `there is no notification ${uuid}`);
      return viewRecovery(found);
    },
    audit: async (filter) => read(journalPath, (reader) => reader.query('audit', filter).map(viewAudit)),
    status: async () => {
      const { lease, counts, open } = read(journalPath, (reader) => reader.query('summary'));
      return {
        source: 'journal',
        engine: lease
          ? {
              node: lease.node,
              pid: lease.pid,
              epoch: lease.epoch,
              version: '',
              since: iso(lease.taken_at),
              beat_at: iso(lease.beat_at),
              state: lease.state === 'released' ? 'released' : 'running',
            }
          : null,
        cloud: null,
        journal: journalPath,
        counts,
        open: open.map((row) => ({ ...viewNotification(row), instances: null })),
        blind_monitors: [],
        pause: viewPause(read(journalPath, (reader) => reader.query('pause'))),
        maintenance: read(journalPath, (reader) => reader.query('maintenances').map(viewMaintenance)),
        taking_over: null,
        written_at: iso(Date.now()),
      };
    },
  };
}

/** The fields of a `StatusView` that identify the status file of an engine. */
const statusFile = v.looseObject({
  engine: v.nullable(v.looseObject({ node: v.string(), pid: v.number(), epoch: v.number(), state: v.string() })),
  journal: v.string(),
  counts: v.record(v.string(), v.number()),
  open: v.array(v.looseObject({ notification_uuid: v.string(), status: v.string(), accepted_at: v.string() })),
  written_at: v.string(),
});

function lastStatus(journalPath: string): StatusView | undefined {
  try {
    const status: unknown = JSON.parse(readFileSync(statusFileOf(journalPath), 'utf8'));
    return v.is(statusFile, status)
      ? ({
          ...status,
          pause: null,
          maintenance: [],
          ...status,
          source: 'status.json',
          blind_monitors: [],
          taking_over: null,
        } as unknown as StatusView)
      : undefined;
  } catch {
    return undefined;
  }
}

function isStarting({ cause }: NoEngine): boolean {
  return cause instanceof RpcError && cause.code === RPC_ERRORS.starting;
}

/** Each request goes to the first source that can serve it. Throws `CommandFailure` (no engine) when none can. */
export async function readRecords(line: CommandLine): Promise<Records> {
  const { options } = configurationOf(line);
  const journalPath = givenPath(line, 'journal') ?? options.journal.path;
  const engine = fromEngine(engineAddressOf(line));
  const isElsewhere = line.text('engine') !== undefined;
  const journal = fromJournal(journalPath);
  const either = async <T>(
    query: (records: Records) => Promise<T>,
    last?: () => T | undefined,
    onNoEngine?: (why: NoEngine) => void,
  ): Promise<T> => {
    let whyNoEngine: NoEngine;
    try {
      return await query(engine);
    } catch (error) {
      if (!(error instanceof NoEngine)) throw error;
      if (isElsewhere) throw new CommandFailure(EXIT.noEngine, error.message, error);
      whyNoEngine = error;
      onNoEngine?.(error);
    }
    try {
      return await query(journal);
    } catch (error) {
      if (!(error instanceof JournalFailure)) throw error;
      const known = last?.();
      if (known) return known;
      throw new CommandFailure(EXIT.noEngine, `${whyNoEngine.message}; ${error.message}`, error);
    }
  };
  return {
    list: (filter) => either((records) => records.list(filter)),
    show: (uuid) => either((records) => records.show(uuid)),
    audit: (filter) => either((records) => records.audit(filter)),
    status: async () => {
      let takingOver: string | null = null;
      const status = await either(
        (records) => records.status(),
        () => lastStatus(journalPath),
        (why) => {
          if (isStarting(why)) takingOver = why.message;
        },
      );
      return { ...status, taking_over: takingOver };
    },
  };
}
