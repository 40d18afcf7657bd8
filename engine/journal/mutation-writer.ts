/** Writes mutations, one method each. They run inside the writer's transaction and decide only bookkeeping. */
import type Database from 'better-sqlite3';
import { OPEN_STATUSES } from '#protocol/notification-status.ts';
import { printable } from '#protocol/printable.ts';
import { accept, type Statements } from './acceptance.ts';
import { auditOfAcceptance, DEFAULT_AUDIT_COUNT, writeAudit } from './audit.ts';
import { decisionOfAcceptance, writeDecision } from './decisions.ts';
import { JournalFailure } from './failure.ts';
import type {
  AcceptNotification,
  AcceptResult,
  AddEvent,
  ApproveRecovery,
  ChangeAtom,
  ChangeLogbook,
  ChangeStep,
  FlowSnapshot,
  Mutation,
  OpenFlow,
  PlannedStep,
} from './mutations.ts';
import type { AtomRow, EventRow, FlowRow, LogbookRow, StepRow } from './rows.ts';

/** Applies mutations under one epoch; keeps its prepared statements for the life of the connection. */
export class MutationWriter {
  readonly #db: Database.Database;
  readonly #epoch: number;
  /** Maximum number of audit entries of each kind. */
  readonly #auditCount: number;
  readonly #statements = new Map<string, Database.Statement>();
  readonly #reader: Statements = {
    all: <Row>(sql: string, values: readonly unknown[]) => this.#all<Row>(sql, values),
    maybe: <Row>(sql: string, values: readonly unknown[]) => this.#maybe<Row>(sql, values),
    one: <Row>(sql: string, values: readonly unknown[]) => this.#one<Row>(sql, values),
  };

  constructor(db: Database.Database, epoch: number, auditCount = DEFAULT_AUDIT_COUNT) {
    this.#db = db;
    this.#epoch = epoch;
    this.#auditCount = auditCount;
  }

  apply(mutation: Mutation): unknown {
    switch (mutation.op) {
      case 'accept':
        return this.#accept(mutation);
      case 'audit':
        return writeAudit(this.#reader, mutation, this.#epoch, this.#auditCount);
      case 'decision':
        return writeDecision(this.#reader, mutation, this.#epoch);
      case 'logbook':
        return this.#logbook(mutation);
      case 'rename_host':
        return this.#one<LogbookRow>(
          'UPDATE logbooks SET host = ?, target = ? WHERE uuid = ? AND closed_at IS NULL RETURNING *',
          [mutation.host, mutation.target, mutation.uuid],
        );
      case 'open_flow':
        return this.#openFlow(mutation);
      case 'resume_flow':
        return this.#one<FlowRow>(
          'UPDATE flowdetails SET resumes = resumes + 1, left_by = NULL WHERE id = ? RETURNING *',
          [mutation.flowId],
        );
      case 'leave_flow':
        return this.#one('UPDATE flowdetails SET left_by = ? WHERE id = ? RETURNING id', [
          this.#epoch,
          mutation.flowId,
        ]);
      case 'revert_flow':
        return this.#one(
          `UPDATE flowdetails SET state = 'REVERTING', revert_cause = ?, error = ? WHERE id = ? RETURNING id`,
          [mutation.cause, mutation.error, mutation.flowId],
        );
      case 'atom':
        return this.#atom(mutation);
      case 'event':
        return this.#event(mutation);
      case 'plan_steps':
        return mutation.steps.map((step, index) => this.#planStep(mutation.atomId, step, index));
      case 'step':
        return this.#step(mutation);
      case 'close_flow':
        // If a flow is closed over a running task (dead letter, superseded), the task must not appear to be running, and a task that was
        // partly rolled back must not appear unchanged.
        this.#run(
          `UPDATE atomdetails SET state = CASE state WHEN 'RUNNING' THEN 'FAILURE' ELSE 'REVERT_FAILURE' END, error = ?,
             ended_at = ? WHERE flow_id = ? AND state IN ('RUNNING', 'REVERTING')`,
          [mutation.error, mutation.at, mutation.flowId],
        );
        return this.#one('UPDATE flowdetails SET state = ?, error = ?, closed_at = ? WHERE id = ? RETURNING id', [
          mutation.state,
          mutation.error,
          mutation.at,
          mutation.flowId,
        ]);
      case 'abandon_evacuation':
        return this.#run(
          `INSERT INTO abandoned_evacuations (record, instance, declared_at, declared_by) VALUES (?, ?, ?, ?)
           ON CONFLICT (record) DO NOTHING`,
          [mutation.record, mutation.instance, mutation.at, mutation.by],
        );
      case 'approve':
        return this.#approve(mutation);
      case 'priority':
        return this.#one('UPDATE logbooks SET priority = ? WHERE uuid = ? AND closed_at IS NULL RETURNING id', [
          mutation.priority,
          mutation.uuid,
        ]);
      case 'skip':
        return this.#run(
          `INSERT INTO skips (logbook_id, instance, skipped_at) VALUES ((SELECT id FROM logbooks WHERE uuid = ?), ?, ?)
           ON CONFLICT (logbook_id, instance) DO NOTHING`,
          [mutation.uuid, mutation.instance, mutation.at],
        );
      case 'proof_check':
        return this.#one(
          `INSERT INTO proof_checks (logbook_id, name, kind, state, detail, at, epoch)
           VALUES ((SELECT id FROM logbooks WHERE uuid = ?), ?, ?, ?, ?, ?, ?)
           ON CONFLICT (logbook_id, name) DO UPDATE SET kind = excluded.kind, state = excluded.state, detail = excluded.detail,
             at = excluded.at, epoch = excluded.epoch RETURNING name`,
          [
            mutation.uuid,
            mutation.name,
            mutation.kind,
            mutation.state,
            printable(mutation.detail),
            mutation.at,
            this.#epoch,
          ],
        );
      case 'maintenance':
        return mutation.state === 'off'
          ? this.#run('DELETE FROM maintenances WHERE host = ?', [mutation.host])
          : this.#run(
              `INSERT INTO maintenances (host, set_by, reason, set_at) VALUES (?, ?, ?, ?)
               ON CONFLICT (host) DO UPDATE SET set_by = excluded.set_by, reason = excluded.reason, set_at = excluded.set_at`,
              [mutation.host, mutation.by, mutation.reason, mutation.at],
            );
      case 'pause':
        return this.#one(
          `INSERT INTO pause (id, paused_by, reason, paused_at, for_ms, served_ms)
           VALUES (1, ?, ?, ?, ?, (SELECT served_ms FROM lease))
           ON CONFLICT (id) DO UPDATE SET paused_by = excluded.paused_by, reason = excluded.reason, paused_at = excluded.paused_at,
             for_ms = excluded.for_ms, served_ms = excluded.served_ms RETURNING id`,
          [mutation.by, mutation.reason, mutation.at, mutation.forMs],
        );
      case 'unpause':
        return this.#run('DELETE FROM pause', []);
      case 'key_floor':
        return this.#one(
          `INSERT INTO key_floor (id, floor, updated_at) VALUES (1, ?, ?)
           ON CONFLICT (id) DO UPDATE SET floor = excluded.floor, updated_at = excluded.updated_at RETURNING floor`,
          [mutation.floor, mutation.at],
        );
      case 'host':
        return this.#one(
          `INSERT INTO hosts (name, reserved, updated_at, updated_by) VALUES (?, ?, ?, ?)
           ON CONFLICT (name) DO UPDATE SET reserved = excluded.reserved, updated_at = excluded.updated_at,
             updated_by = excluded.updated_by RETURNING name`,
          [mutation.name, mutation.reserved, mutation.at, mutation.by],
        );
    }
  }

  /** No report is accepted without its entry in the audit and the decision about it. */
  #accept(mutation: AcceptNotification): AcceptResult {
    const result = accept(this.#reader, mutation);
    writeAudit(this.#reader, auditOfAcceptance(mutation, result), this.#epoch, this.#auditCount);
    const decision = decisionOfAcceptance(mutation, result);
    if (decision !== null) writeDecision(this.#reader, decision, this.#epoch);
    return result;
  }

  #approve({ uuid, provedAt }: ApproveRecovery): LogbookRow {
    const isStated = provedAt === undefined ? 0 : 1;
    return this.#one<LogbookRow>(
      `UPDATE logbooks SET approved = 1, proved_at = coalesce(?, proved_at), proof = CASE WHEN ? THEN 'operator' ELSE proof END,
         proved_after = CASE WHEN ? THEN (SELECT max(id) FROM logbooks) ELSE proved_after END
       WHERE uuid = ? AND closed_at IS NULL RETURNING *`,
      [provedAt ?? null, isStated, isStated, uuid],
    );
  }

  #logbook(mutation: ChangeLogbook): LogbookRow {
    const isClosed = !OPEN_STATUSES.includes(mutation.status);
    // A closed recovery waits for nothing.
    const isParking = mutation.parked !== undefined || isClosed ? 1 : 0;
    return this.#one<LogbookRow>(
      `UPDATE logbooks SET status = ?, closed_at = CASE WHEN ? THEN coalesce(closed_at, ?) END, updated_at = ?, retry_at = ?, failures = failures + ?,
         work_failures = work_failures + ?,
         proved_at = coalesce(?, proved_at),
         proved_after = CASE WHEN ? THEN (SELECT max(id) FROM logbooks) ELSE proved_after END, proof = coalesce(?, proof),
         parked_reason = CASE WHEN ? THEN ? ELSE parked_reason END, parked_by = CASE WHEN ? THEN ? ELSE parked_by END,
         retried = retried + ?, waited_ms = waited_ms + ?, follow_ups = coalesce(?, follow_ups),
         message = CASE WHEN ? THEN ? ELSE message END WHERE uuid = ? AND status = coalesce(?, status) RETURNING *`,
      [
        mutation.status,
        isClosed ? 1 : 0,
        mutation.at,
        mutation.at,
        mutation.retryAt ?? null,
        mutation.failed === undefined ? 0 : 1,
        mutation.failed === 'work' ? 1 : 0,
        mutation.provedAt ?? null,
        mutation.provedAt === undefined ? 0 : 1,
        mutation.proof ?? null,
        isParking,
        mutation.parked?.reason ?? null,
        isParking,
        mutation.parked?.by ?? null,
        mutation.retried ?? 0,
        Math.round(mutation.waitedMs ?? 0),
        mutation.followUps ?? null,
        mutation.message === undefined ? 0 : 1,
        mutation.message ?? null,
        mutation.uuid,
        mutation.from ?? null,
      ],
    );
  }

  #openFlow(mutation: OpenFlow): FlowSnapshot {
    const { id: logbookId } = this.#one<{ id: number }>(
      `UPDATE logbooks SET status = 'running', retry_at = NULL, parked_reason = NULL, parked_by = NULL, updated_at = ?
       WHERE uuid = ? RETURNING id`,
      [mutation.at, mutation.logbookUuid],
    );
    const flow = this.#one<FlowRow>(
      `INSERT INTO flowdetails (logbook_id, uuid, attempt, name, target, plan, config_hash, state, started_at)
       VALUES (?, ?, 1 + coalesce((SELECT max(attempt) FROM flowdetails WHERE logbook_id = ?), 0), ?, ?, ?, ?, 'RUNNING', ?)
       RETURNING *`,
      [
        logbookId,
        mutation.flowUuid,
        logbookId,
        mutation.name,
        mutation.target,
        mutation.plan,
        mutation.configHash,
        mutation.at,
      ],
    );
    const atoms = mutation.atoms.map((atom, ord) =>
      this.#one<AtomRow>('INSERT INTO atomdetails (flow_id, ord, phase, name) VALUES (?, ?, ?, ?) RETURNING *', [
        flow.id,
        ord,
        atom.phase,
        atom.name,
      ]),
    );
    return { flow, atoms, steps: [] };
  }

  #atom(mutation: ChangeAtom): AtomRow {
    const { state, at } = mutation;
    return this.#one<AtomRow>(
      `UPDATE atomdetails SET state = coalesce(?, state), progress = coalesce(?, progress), result = coalesce(?, result),
         error = CASE WHEN ? THEN ? ELSE error END, tries = tries + ?,
         started_at = CASE WHEN ? THEN coalesce(started_at, ?) ELSE started_at END,
         ended_at = CASE WHEN ? THEN ? ELSE ended_at END WHERE id = ? RETURNING *`,
      [
        state ?? null,
        mutation.progress ?? null,
        mutation.result ?? null,
        mutation.error === undefined ? 0 : 1,
        mutation.error ?? null,
        mutation.tried ?? 0,
        state === 'RUNNING' ? 1 : 0,
        at,
        state === 'SUCCESS' || state === 'FAILURE' || state === 'REVERTED' || state === 'REVERT_FAILURE' ? 1 : 0,
        at,
        mutation.atomId,
      ],
    );
  }

  /** Its text may contain names that tenants chose, and texts of programs and servers. */
  #event(mutation: AddEvent): EventRow {
    const event = this.#one<EventRow>(
      `INSERT INTO events (flow_id, seq, atom_id, at, message, progress, epoch)
       VALUES (?, 1 + coalesce((SELECT max(seq) FROM events WHERE flow_id = ?), 0), ?, ?, ?, ?, ?)
       RETURNING flow_id, seq, atom_id, at, message, progress, epoch`,
      [
        mutation.flowId,
        mutation.flowId,
        mutation.atomId,
        mutation.at,
        printable(mutation.message),
        mutation.progress,
        this.#epoch,
      ],
    );
    if (mutation.atomId !== null) {
      this.#run('UPDATE atomdetails SET progress = ? WHERE id = ?', [mutation.progress, mutation.atomId]);
    }
    return event;
  }

  /** A step that was planned before keeps its data: planning it again after the end of an engine changes nothing. */
  #planStep(atomId: number, step: PlannedStep, index: number): StepRow {
    const known = this.#maybe<StepRow>('SELECT * FROM steps WHERE atom_id = ? AND key = ?', [atomId, step.key]);
    if (known) return known;
    return this.#one<StepRow>(
      `INSERT INTO steps (atom_id, ord, key, kind, object, before, detail, epoch) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       RETURNING *`,
      [
        atomId,
        index,
        step.key,
        step.kind,
        step.object,
        JSON.stringify(step.before),
        JSON.stringify(step.detail ?? {}),
        this.#epoch,
      ],
    );
  }

  #step(mutation: ChangeStep): StepRow {
    const { state, at } = mutation;
    const ended = state === 'done' || state === 'failed' || state === 'skipped';
    return this.#one<StepRow>(
      `UPDATE steps SET state = ?, detail = coalesce(?, detail), request_id = coalesce(?, request_id), error = ?, epoch = ?,
         intent_at = CASE WHEN ? THEN ? ELSE intent_at END, sent_at = CASE WHEN ? THEN ? ELSE sent_at END,
         ended_at = ? WHERE id = ? RETURNING *`,
      [
        state,
        mutation.detail === undefined ? null : JSON.stringify(mutation.detail),
        mutation.requestId ?? null,
        mutation.error ?? null,
        this.#epoch,
        state === 'intent' ? 1 : 0,
        at,
        state === 'sent' ? 1 : 0,
        at,
        ended ? at : null,
        mutation.stepId,
      ],
    );
  }

  #statement(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #run(sql: string, values: readonly unknown[]): void {
    this.#statement(sql).run(...values);
  }

  #all<Row>(sql: string, values: readonly unknown[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  #maybe<Row>(sql: string, values: readonly unknown[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  #one<Row>(sql: string, values: readonly unknown[]): Row {
    const row = this.#maybe<Row>(sql, values);
    if (row === undefined) throw new JournalFailure('constraint', `no such row for: ${sql.slice(0, 60)}…`);
    return row;
  }
}
