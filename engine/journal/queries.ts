/** The queries of the journal, for the engine's own connection and for read-only ones. */
import { kindOf } from './host-event.ts';
import { readLease } from './lease.ts';
import { MIGRATION_KINDS } from './migration-kinds.ts';
import type { FlowSnapshot } from './mutations.ts';
import { preparedOnce, type QueriedDatabase } from './prepared-statements.ts';
import type {
  AtomRow,
  AtomState,
  AuditRow,
  DecisionRow,
  EventRow,
  FlowRow,
  LeaseRow,
  LogbookRow,
  LogbookStatus,
  MaintenanceRow,
  PauseRow,
  ProofCheckRow,
  StepRow,
} from './rows.ts';

export interface LogbookWithFlows {
  readonly logbook: LogbookRow;
  readonly flows: readonly (FlowSnapshot & { readonly events: readonly EventRow[] })[];
  /** The newest entries of the audit about it, oldest first. */
  readonly audit: readonly AuditRow[];
  readonly proofs: readonly ProofCheckRow[];
  /** Oldest first. */
  readonly decisions: readonly DecisionRow[];
}

export interface JournalSummary {
  readonly lease: LeaseRow | null;
  readonly counts: Readonly<Partial<Record<LogbookStatus, number>>>;
  readonly open: readonly LogbookRow[];
}

export interface HostRow {
  readonly name: string;
  readonly reserved: 0 | 1;
  readonly updated_at: number;
  readonly updated_by: string;
}

/** A recovery of an instance's crash. */
export type CrashRow = Pick<LogbookRow, 'id' | 'uuid' | 'accepted_at' | 'closed_at' | 'status' | 'retried'>;

/** The state an instance had before a recovery of its host first touched it. */
export interface Original {
  readonly instance: string;
  /** JSON, as the step stored it. */
  readonly before: string;
  /** 1: the last flow that touched it left steps which are neither done nor skipped. */
  readonly unfinished: 0 | 1;
}

/** An instance that a recovery moved off its host. */
export interface MovedAway {
  readonly instance: string;
  /** Its destination; null if that was not stored. */
  readonly destination: string | null;
  /** Its migration home is a step of this very recovery, with any outcome. */
  readonly isStarted: boolean;
}

/** See `openEvacuations`. */
export interface OpenEvacuation {
  readonly instance: string;
  readonly record: string | null;
}

/** Kinds of steps that bring an instance home. */
const QUOTED_MIGRATIONS = MIGRATION_KINDS.map((kind) => `'${kind}'`).join(', ');

/** An instance that the recovery of its crash stopped. */
export interface StoppedRow {
  readonly instance: string;
  /** JSON: its state before. */
  readonly before: string;
  readonly request_id: string | null;
}

/** A step of another task of the same recovery. */
export type EarlierStepRow = StepRow & {
  readonly atom_state: AtomState;
  readonly has_undo: 0 | 1;
  /** 1: of the same flow. */
  readonly same_flow: 0 | 1;
};

/** Whether the plan of a flow has an undo for a task, as 0 or 1. */
function hasUndo(flow: string, atom: string): string {
  return `coalesce(json_extract(${flow}.plan, '$.tasks[' || ${atom}.ord || '].custom.undo'), 0)`;
}

function snapshot(db: QueriedDatabase, flow: FlowRow): FlowSnapshot {
  return {
    flow,
    atoms: db.prepare<[number], AtomRow>('SELECT * FROM atomdetails WHERE flow_id = ? ORDER BY ord').all(flow.id),
    steps: db
      .prepare<[number], StepRow>(
        `SELECT s.* FROM steps s JOIN atomdetails a ON a.id = s.atom_id WHERE a.flow_id = ? ORDER BY a.ord, s.ord, s.id`,
      )
      .all(flow.id),
  };
}

export const QUERIES = {
  summary(db: QueriedDatabase): JournalSummary {
    const counts = db
      .prepare<[], { status: LogbookStatus; n: number }>('SELECT status, n FROM counts WHERE n > 0')
      .all();
    return {
      lease: readLease(db) ?? null,
      counts: Object.fromEntries(counts.map(({ status, n }) => [status, n])),
      open: db.prepare<[], LogbookRow>('SELECT * FROM logbooks WHERE closed_at IS NULL ORDER BY id LIMIT 1000').all(),
    };
  },

  /** Newest first. */
  list(db: QueriedDatabase, filter: { readonly limit: number; readonly status?: LogbookStatus }): LogbookRow[] {
    return filter.status
      ? db
          .prepare<[string, number], LogbookRow>('SELECT * FROM logbooks WHERE status = ? ORDER BY id DESC LIMIT ?')
          .all(filter.status, filter.limit)
      : db.prepare<[number], LogbookRow>('SELECT * FROM logbooks ORDER BY id DESC LIMIT ?').all(filter.limit);
  },

  logbook(db: QueriedDatabase, uuid: string): LogbookRow | null {
    return db.prepare<[string], LogbookRow>('SELECT * FROM logbooks WHERE uuid = ?').get(uuid) ?? null;
  },

  logbookById(db: QueriedDatabase, id: number): LogbookRow | null {
    return db.prepare<[number], LogbookRow>('SELECT * FROM logbooks WHERE id = ?').get(id) ?? null;
  },

  show(db: QueriedDatabase, uuid: string): LogbookWithFlows | null {
    const logbook = QUERIES.logbook(db, uuid);
    if (!logbook) return null;
    const flows = db
      .prepare<[number], FlowRow>('SELECT * FROM flowdetails WHERE logbook_id = ? ORDER BY attempt')
      .all(logbook.id);
    const events = db.prepare<[number], EventRow>(
      'SELECT flow_id, seq, atom_id, at, message, progress, epoch FROM events WHERE flow_id = ? ORDER BY seq',
    );
    return {
      logbook,
      flows: flows.map((flow) => ({ ...snapshot(db, flow), events: events.all(flow.id) })),
      audit: QUERIES.auditOf(db, uuid),
      proofs: QUERIES.proofChecks(db, logbook.id),
      decisions: QUERIES.decisions(db, logbook.id),
    };
  },

  /** What programs last showed about the death of the host of a recovery. */
  proofChecks(db: QueriedDatabase, logbookId: number): ProofCheckRow[] {
    return db
      .prepare<[number], ProofCheckRow>(
        'SELECT name, kind, state, detail, at FROM proof_checks WHERE logbook_id = ? ORDER BY name',
      )
      .all(logbookId);
  },

  /** Instances that a recovery leaves where they are, by an operator command. */
  skips(db: QueriedDatabase, logbookId: number): string[] {
    return db
      .prepare<[number], { instance: string }>('SELECT instance FROM skips WHERE logbook_id = ?')
      .all(logbookId)
      .map(({ instance }) => instance);
  },

  /** Whether a flow of the recovery has requested the evacuation of the instance, or left its outcome open. */
  hasRequestedMove(db: QueriedDatabase, target: { readonly logbookId: number; readonly instance: string }): boolean {
    const row = db
      .prepare<[{ logbookId: number; instance: string }], { requested: 0 | 1 }>(
        `SELECT EXISTS (
           SELECT 1 FROM flowdetails f CROSS JOIN atomdetails a ON a.flow_id = f.id CROSS JOIN steps s ON s.atom_id = a.id
           WHERE f.logbook_id = @logbookId AND s.key IN ('reset:' || @instance, 'evacuate:' || @instance)
             AND s.intent_at IS NOT NULL) AS requested`,
      )
      .get(target);
    return row?.requested === 1;
  },

  /** The hosts on which operators work. */
  maintenances(db: QueriedDatabase): MaintenanceRow[] {
    return db.prepare<[], MaintenanceRow>('SELECT * FROM maintenances ORDER BY host').all();
  },

  /** The decisions about one recovery, oldest first: at most `MAX_DECISIONS`. */
  decisions(db: QueriedDatabase, logbookId: number): DecisionRow[] {
    return db.prepare<[number], DecisionRow>('SELECT * FROM decisions WHERE logbook_id = ? ORDER BY id').all(logbookId);
  },

  /** The pause of recoveries; null: there is none, or it has ended by itself. */
  pause(db: QueriedDatabase): PauseRow | null {
    const row = db
      .prepare<[], PauseRow>(
        `SELECT paused_by, reason, paused_at, p.for_ms - (l.served_ms - p.served_ms) AS left_ms
         FROM pause p, lease l WHERE p.id = 1 AND l.id = 1`,
      )
      .get();
    return row === undefined || (row.left_ms !== null && row.left_ms <= 0) ? null : row;
  },

  /** Data that engines have seen of the key ring, JSON; undefined: none. */
  keyFloor(db: QueriedDatabase): string | undefined {
    return db.prepare<[], { floor: string }>('SELECT floor FROM key_floor WHERE id = 1').get()?.floor;
  },

  /** The newest entries of the audit, oldest first. @param filter since: ms UTC */
  audit(db: QueriedDatabase, filter: { readonly limit: number; readonly since?: number }): AuditRow[] {
    return db
      .prepare<[number, number], AuditRow>('SELECT * FROM audit WHERE at >= ? ORDER BY at DESC, id DESC LIMIT ?')
      .all(filter.since ?? 0, filter.limit)
      .reverse();
  },

  /** The newest entries of the audit about one recovery, oldest first. */
  auditOf(db: QueriedDatabase, uuid: string): AuditRow[] {
    return db
      .prepare<[string], AuditRow>('SELECT * FROM audit WHERE notification = ? ORDER BY id DESC LIMIT 200')
      .all(uuid)
      .reverse();
  },

  /** Logbooks that are not closed, oldest first. */
  open(db: QueriedDatabase): LogbookRow[] {
    return db.prepare<[], LogbookRow>('SELECT * FROM logbooks WHERE closed_at IS NULL ORDER BY id').all();
  },

  /** The flow of a logbook that is not closed. */
  openFlow(db: QueriedDatabase, logbookId: number): FlowSnapshot | null {
    const flow = db
      .prepare<[number], FlowRow>('SELECT * FROM flowdetails WHERE logbook_id = ? AND closed_at IS NULL')
      .get(logbookId);
    return flow ? snapshot(db, flow) : null;
  },

  /** The flows of a logbook, oldest first, without their tasks. */
  flows(db: QueriedDatabase, logbookId: number): FlowRow[] {
    return db
      .prepare<[number], FlowRow>('SELECT * FROM flowdetails WHERE logbook_id = ? ORDER BY attempt')
      .all(logbookId);
  },

  /** Reserved hosts to which flows of other logbooks send instances, or will send some again. */
  reservedHostsInUse(db: QueriedDatabase, logbookId: number): string[] {
    return db
      .prepare<[number], { reserved: string }>(
        `SELECT DISTINCT json_extract(f.plan, '$.inputs.reserved_host') AS reserved
         FROM logbooks l CROSS JOIN flowdetails f ON f.logbook_id = l.id
         WHERE l.closed_at IS NULL AND l.id <> ? AND reserved IS NOT NULL AND (f.closed_at IS NULL OR f.state = 'ABANDONED'
           AND f.attempt = (SELECT max(attempt) FROM flowdetails WHERE logbook_id = l.id))`,
      )
      .all(logbookId)
      .map(({ reserved }) => reserved);
  },

  /**
   * The states of instances of a host before unfinished recoveries of it first touched them. Of each instance this is the oldest evacuation
   * step since the host was last healthy (a recovery finished, or the host came back; the recovery of the return does not matter). Steps of
   * recoveries that are still open are always included: a host may come back and fail again between two attempts of one.
   */
  originals(db: QueriedDatabase, host: string): Original[] {
    const rows = db
      .prepare<[Record<string, unknown>], { object: string; before: string; unfinished: 0 | 1 }>(
        `WITH flows AS (
           SELECT id FROM flowdetails WHERE target = @target AND logbook_id > max(
             coalesce((SELECT max(id) FROM logbooks WHERE host = @host AND type = 'COMPUTE_HOST' AND status = 'finished'), 0),
             coalesce((SELECT max(id) FROM logbooks INDEXED BY logbooks_returns WHERE host = @host AND type = 'COMPUTE_HOST'
               AND payload ->> 'event' = 'STARTED'), 0))
           UNION SELECT o.id FROM logbooks l INDEXED BY logbooks_open CROSS JOIN flowdetails o ON o.logbook_id = l.id
           WHERE l.closed_at IS NULL AND l.host = @host AND l.type = 'COMPUTE_HOST')
         SELECT s.object, s.before, EXISTS (
           SELECT 1 FROM steps o WHERE o.atom_id = s.atom_id AND +o.object = s.object
             AND o.state NOT IN ('done', 'skipped')) AS unfinished
         FROM flows CROSS JOIN flowdetails f ON f.id = flows.id CROSS JOIN logbooks l ON l.id = f.logbook_id
           CROSS JOIN atomdetails a ON a.flow_id = f.id CROSS JOIN steps s ON s.atom_id = a.id
         WHERE l.host = @host AND l.type = 'COMPUTE_HOST' AND s.kind = 'evacuate' ORDER BY s.id`,
      )
      .all({ host, target: `host:${host}` });
    const originals = new Map<string, Original>();
    for (const { object, before, unfinished } of rows) {
      originals.set(object, { instance: object, before: originals.get(object)?.before ?? before, unfinished });
    }
    return [...originals.values()];
  },

  /** The recoveries of crashes of one instance (`instance:UUID`), newest first, without those that were ignored. */
  crashesOf(db: QueriedDatabase, target: string, limit: number): CrashRow[] {
    return db
      .prepare<[string, number], CrashRow>(
        `SELECT id, uuid, accepted_at, closed_at, status, retried FROM logbooks
         WHERE target = ? AND type = 'VM' AND accepted_as = 'new' AND status <> 'ignored' ORDER BY id DESC LIMIT ?`,
      )
      .all(target, limit);
  },

  /**
   * Instances that recoveries of a host moved away and that no return of it has migrated home since: of each the newest evacuation that was
   * carried out. Instances that this very recovery migrated home, or started to, are included.
   */
  movedAway(db: QueriedDatabase, of: { readonly flowId: number; readonly host: string }): MovedAway[] {
    return db
      .prepare<[Record<string, unknown>], { instance: string; destination: string | null; isStarted: 0 | 1 }>(
        `WITH own AS (SELECT logbook_id AS id FROM flowdetails WHERE id = @flowId),
         moved AS (
           SELECT instance, since, step_id, destination, 0 AS isHome FROM away INDEXED BY away_from WHERE host = @host AND home_by IS NULL
           UNION ALL SELECT instance, since, step_id, destination, 1 FROM own CROSS JOIN away
             ON home_by IS NOT NULL AND home_by = own.id AND host = @host)
         SELECT instance, destination, isHome OR EXISTS (
           SELECT 1 FROM own CROSS JOIN flowdetails f ON f.logbook_id = own.id CROSS JOIN atomdetails a ON a.flow_id = f.id
             CROSS JOIN steps s ON s.atom_id = a.id
           WHERE s.object = instance AND s.id > step_id AND s.kind IN (${QUOTED_MIGRATIONS})) AS isStarted
         FROM moved ORDER BY since`,
      )
      .all(of)
      .map(({ instance, destination, isStarted }) => ({ instance, destination, isStarted: isStarted === 1 }));
  },

  /** Steps of one key in all other atoms of the same logbook, oldest first, each with the state of its task. */
  stepsElsewhere(db: QueriedDatabase, of: { readonly atomId: number; readonly key: string }): EarlierStepRow[] {
    return db
      .prepare<[Record<string, unknown>], EarlierStepRow>(
        `WITH own AS (SELECT a.id, a.flow_id, f.logbook_id FROM atomdetails a JOIN flowdetails f ON f.id = a.flow_id WHERE a.id = @atomId)
         SELECT s.*, a.state AS atom_state, ${hasUndo('f', 'a')} AS has_undo, f.id = own.flow_id AS same_flow
         FROM own JOIN flowdetails f ON f.logbook_id = own.logbook_id JOIN atomdetails a ON a.flow_id = f.id
           JOIN steps s ON s.atom_id = a.id AND s.key = @key
         WHERE a.id <> own.id ORDER BY s.id`,
      )
      .all(of);
  },

  /**
   * Instances of which another task, of this flow or another one, requested an evacuation from this host with an unknown end, and that none
   * has moved since: the request may still be in a queue of the cloud. `record`: Nova's record of it, if that task saw one.
   */
  openEvacuations(db: QueriedDatabase, of: { readonly atomId: number; readonly host: string }): OpenEvacuation[] {
    const rows = db
      .prepare<[string, number], OpenEvacuation>(
        `SELECT s.object AS instance, s.detail ->> 'open' AS record FROM steps s
           CROSS JOIN atomdetails a ON a.id = s.atom_id CROSS JOIN flowdetails f ON f.id = a.flow_id
           CROSS JOIN logbooks l ON l.id = f.logbook_id
         WHERE l.host = ? AND l.type = 'COMPUTE_HOST' AND a.id <> ? AND s.kind = 'evacuate'
           AND s.state IN ('intent', 'sent', 'unknown') AND NOT EXISTS (
             SELECT 1 FROM steps n WHERE n.object = s.object AND n.id > s.id AND n.kind = 'evacuate'
               AND n.state IN ('done', 'skipped'))
         ORDER BY +s.id`,
      )
      .all(of.host, of.atomId);
    // Of each instance the newest.
    return [...new Map(rows.map((row) => [row.instance, row])).values()];
  },

  /** Evacuations that other atoms of the same logbook carried out, oldest first. */
  evacuatedElsewhere(db: QueriedDatabase, atomId: number): StepRow[] {
    return db
      .prepare<[Record<string, unknown>], StepRow>(
        `SELECT s.* FROM steps s JOIN atomdetails a ON a.id = s.atom_id JOIN flowdetails f ON f.id = a.flow_id
         WHERE s.kind = 'evacuate' AND s.state = 'done' AND a.id <> @atomId AND f.logbook_id = (
           SELECT g.logbook_id FROM atomdetails b JOIN flowdetails g ON g.id = b.flow_id WHERE b.id = @atomId)
         ORDER BY s.id`,
      )
      .all({ atomId });
  },

  /** Steps of custom tasks in closed flows whose outcome is unknown, without those that a later flow resolved or that were rolled back. */
  doubts(db: QueriedDatabase, logbookId: number): StepRow[] {
    return db
      .prepare<[number], StepRow>(
        `SELECT s.* FROM steps s JOIN atomdetails a ON a.id = s.atom_id JOIN flowdetails f ON f.id = a.flow_id
         WHERE f.logbook_id = ? AND f.closed_at IS NOT NULL AND s.kind = 'task' AND s.state = 'unknown' AND NOT EXISTS (
           SELECT 1 FROM steps n JOIN atomdetails b ON b.id = n.atom_id JOIN flowdetails g ON g.id = b.flow_id
           WHERE g.logbook_id = f.logbook_id AND n.key = s.key AND n.id >= s.id AND n.state NOT IN ('planned', 'skipped')
             AND (n.state IN ('done', 'failed') OR b.state = 'REVERTED' AND ${hasUndo('g', 'b')}))
         ORDER BY s.id`,
      )
      .all(logbookId);
  },

  /** Whether a recovery has requested anything of the cloud: from then on it is finished. */
  hasStarted(db: QueriedDatabase, logbookId: number): boolean {
    const row = db
      .prepare<[number], { started: 0 | 1 }>(
        `SELECT EXISTS (
           SELECT 1 FROM flowdetails f JOIN atomdetails a ON a.flow_id = f.id JOIN steps s ON s.atom_id = a.id
           WHERE f.logbook_id = ? AND s.intent_at IS NOT NULL AND s.kind <> 'task') AS started`,
      )
      .get(logbookId);
    return row?.started === 1;
  },

  /** Whether a flow requested a change of a compute service with an unknown outcome. */
  isForceDownRequested(db: QueriedDatabase, flowId: number): boolean {
    const row = db
      .prepare<[number], { requested: 0 | 1 }>(
        `SELECT EXISTS (SELECT 1 FROM atomdetails a JOIN steps s ON s.atom_id = a.id
           WHERE a.flow_id = ? AND s.kind = 'disable_service' AND s.state IN ('intent', 'sent', 'unknown')) AS requested`,
      )
      .get(flowId);
    return row?.requested === 1;
  },

  /** Reports that a host came back, accepted after the notification with this id; oldest first. */
  returnsAfter(db: QueriedDatabase, of: { readonly host: string; readonly id: number }): LogbookRow[] {
    return db
      .prepare<[string, number], LogbookRow>(
        `SELECT * FROM logbooks INDEXED BY logbooks_returns
         WHERE host = ? AND type = 'COMPUTE_HOST' AND id > ? AND payload ->> 'event' = 'STARTED' ORDER BY id LIMIT 100`,
      )
      .all(of.host, of.id);
  },

  /** Failures of a host that were accepted after the notification with this id, newest first. */
  failuresAfter(db: QueriedDatabase, of: { readonly host: string; readonly id: number }): LogbookRow[] {
    return db
      .prepare<[string, number], LogbookRow>(
        `SELECT * FROM logbooks WHERE host = ? AND type = 'COMPUTE_HOST' AND id > ? AND payload ->> 'event' <> 'STARTED'
         ORDER BY id DESC LIMIT 100`,
      )
      .all(of.host, of.id);
  },

  /** The newest return of a host that was accepted before the notification with this id. */
  returnBefore(db: QueriedDatabase, of: { readonly host: string; readonly id: number }): LogbookRow | null {
    return (
      db
        .prepare<[string, number], LogbookRow>(
          `SELECT * FROM logbooks INDEXED BY logbooks_returns
           WHERE host = ? AND type = 'COMPUTE_HOST' AND payload ->> 'event' = 'STARTED' AND id < ? ORDER BY id DESC LIMIT 1`,
        )
        .get(of.host, of.id) ?? null
    );
  },

  /** Instances whose migration a recovery requested, with an unknown outcome. */
  unsettledMigrations(db: QueriedDatabase, logbookId: number): string[] {
    return db
      .prepare<[number], { object: string }>(
        `SELECT DISTINCT s.object FROM flowdetails f JOIN atomdetails a ON a.flow_id = f.id JOIN steps s ON s.atom_id = a.id
         WHERE f.logbook_id = ? AND s.kind IN (${QUOTED_MIGRATIONS}) AND s.state IN ('intent', 'sent', 'unknown')`,
      )
      .all(logbookId)
      .map(({ object }) => object);
  },

  /** Instances of a host that open recoveries of their crashes stopped, or requested Nova to stop: the earlier state of each. */
  stoppedByRecoveries(db: QueriedDatabase, host: string): StoppedRow[] {
    return db
      .prepare<[string], StoppedRow>(
        `SELECT s.object AS instance, s.before, s.request_id FROM logbooks l INDEXED BY logbooks_open
         CROSS JOIN flowdetails f ON f.logbook_id = l.id CROSS JOIN atomdetails a ON a.flow_id = f.id CROSS JOIN steps s ON s.atom_id = a.id
         WHERE l.closed_at IS NULL AND l.host = ? AND l.type = 'VM' AND s.kind = 'stop' AND s.intent_at IS NOT NULL ORDER BY s.id`,
      )
      .all(host);
  },

  /** The newest failure of a host that was accepted before the notification with this id, and after every earlier return. */
  failureBefore(db: QueriedDatabase, of: { readonly host: string; readonly id: number }): LogbookRow | null {
    const newest = db
      .prepare<[string, number], LogbookRow>(
        `SELECT * FROM logbooks WHERE host = ? AND type = 'COMPUTE_HOST' AND id < ? ORDER BY id DESC LIMIT 1`,
      )
      .get(of.host, of.id);
    return newest && kindOf(newest) === 'COMPUTE_HOST' ? newest : null;
  },

  /** Finished recoveries of hosts with outstanding follow-ups. */
  owedFollowUps(db: QueriedDatabase): LogbookRow[] {
    return db.prepare<[], LogbookRow>('SELECT * FROM logbooks WHERE follow_ups > 0 ORDER BY id LIMIT 1000').all();
  },

  /** Instances that a recovery planned to evacuate. */
  evacuationObjects(db: QueriedDatabase, logbookId: number): string[] {
    return db
      .prepare<[number], { object: string }>(
        `SELECT DISTINCT s.object FROM flowdetails f JOIN atomdetails a ON a.flow_id = f.id JOIN steps s ON s.atom_id = a.id
         WHERE f.logbook_id = ? AND s.kind = 'evacuate'`,
      )
      .all(logbookId)
      .map(({ object }) => object);
  },

  /** Evacuation records of an instance that operators declared abandoned. */
  abandonedEvacuations(db: QueriedDatabase, instance: string): string[] {
    return db
      .prepare<[string], { record: string }>('SELECT record FROM abandoned_evacuations WHERE instance = ?')
      .all(instance)
      .map(({ record }) => record);
  },

  atoms(db: QueriedDatabase, flowId: number): AtomRow[] {
    return db.prepare<[number], AtomRow>('SELECT * FROM atomdetails WHERE flow_id = ? ORDER BY ord').all(flowId);
  },

  hosts(db: QueriedDatabase): HostRow[] {
    return db.prepare<[], HostRow>('SELECT * FROM hosts ORDER BY name').all();
  },
};

export type QueryName = keyof typeof QUERIES;
type Query = typeof QUERIES;
export type QueryArguments<Name extends QueryName> =
  Parameters<Query[Name]> extends [QueriedDatabase, ...infer Rest] ? Rest : never;
export type QueryResult<Name extends QueryName> = ReturnType<Query[Name]>;

export function runQuery(db: QueriedDatabase, name: QueryName, parameters: readonly unknown[]): unknown {
  const query = QUERIES[name] as (db: QueriedDatabase, ...parameters: readonly unknown[]) => unknown;
  return query(preparedOnce(db), ...parameters);
}
