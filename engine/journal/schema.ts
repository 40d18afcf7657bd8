/**
 * The journal's tables. Constraints and triggers refuse forbidden changes, so that no code path and no user with sqlite3 can make them: an
 * epoch that decreases, a second open recovery of one target, a settled step that acts again, a line of progress that is rewritten.
 */
import { AUDIT } from './schema-audit.ts';
import { DECISIONS } from './schema-decisions.ts';
import { GATES } from './schema-gates.ts';
import { KEYS } from './schema-keys.ts';
import { PROOFS } from './schema-proofs.ts';
import { RETENTION } from './schema-retention.ts';

/** "RecA": marks the file as ours (PRAGMA application_id). */
export const APPLICATION_ID = 0x52656341;

/** Refuses every change of `column` that is not listed as `from>to`. */
function transitions(table: string, column: string, allowed: readonly string[]): string {
  const list = allowed.map((pair) => `'${pair}'`).join(', ');
  return `
CREATE TRIGGER ${table}_${column}_transitions BEFORE UPDATE OF ${column} ON ${table}
WHEN OLD.${column} <> NEW.${column} AND OLD.${column} || '>' || NEW.${column} NOT IN (${list})
BEGIN SELECT RAISE(ABORT, 'forbidden transition of ${table}.${column}'); END;`;
}

/** The flow of a row that is about to be removed; removed itself already if the row is removed with it (ON DELETE CASCADE). */
const FLOW_OF: Readonly<Record<string, string>> = {
  atomdetails: 'OLD.flow_id',
  steps: '(SELECT flow_id FROM atomdetails WHERE id = OLD.atom_id)',
  events: 'OLD.flow_id',
};

function goWithTheirFlow(table: string): string {
  return `
CREATE TRIGGER ${table}_go_with_their_flow BEFORE DELETE ON ${table}
WHEN EXISTS (SELECT 1 FROM flowdetails WHERE id = ${FLOW_OF[table]} AND closed_at IS NULL)
BEGIN SELECT RAISE(ABORT, '${table} of an open flow stay'); END;`;
}

const VERSION_1 = `
CREATE TABLE lease (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL CHECK (epoch > 0),
  owner TEXT NOT NULL,
  node TEXT NOT NULL,
  pid INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  taken_at INTEGER NOT NULL,
  beat_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('held', 'released'))
) STRICT;
CREATE TRIGGER lease_epoch_only_grows BEFORE UPDATE ON lease
WHEN NEW.epoch < OLD.epoch OR (NEW.epoch = OLD.epoch AND NEW.owner <> OLD.owner)
BEGIN SELECT RAISE(ABORT, 'the epoch never goes back and has one owner'); END;
-- REPLACE deletes without firing the trigger for DELETE.
CREATE TRIGGER lease_is_not_replaced BEFORE INSERT ON lease WHEN NEW.epoch <= (SELECT max(epoch) FROM lease)
BEGIN SELECT RAISE(ABORT, 'the epoch never goes back and has one owner'); END;
CREATE TRIGGER lease_stays BEFORE DELETE ON lease BEGIN SELECT RAISE(ABORT, 'the lease row stays'); END;

CREATE TABLE logbooks (
  id INTEGER PRIMARY KEY,
  uuid TEXT NOT NULL UNIQUE,
  dedup_key TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL CHECK (type IN ('COMPUTE_HOST', 'PROCESS', 'VM')),
  host TEXT NOT NULL,
  target TEXT NOT NULL,
  generated_at INTEGER NOT NULL,
  payload TEXT NOT NULL CHECK (json_valid(payload)),
  accepted_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  closed_at INTEGER,
  status TEXT NOT NULL CHECK (status IN ('new', 'running', 'error', 'failed', 'ignored', 'finished')),
  message TEXT,
  failures INTEGER NOT NULL DEFAULT 0,
  work_failures INTEGER NOT NULL DEFAULT 0 CHECK (work_failures <= failures),
  retry_at INTEGER,
  proved_at INTEGER,
  CHECK ((closed_at IS NULL) = (status IN ('new', 'running', 'error')))
) STRICT;
CREATE INDEX logbooks_by_host ON logbooks (host, type, id);
CREATE INDEX logbooks_by_target ON logbooks (target, type, id);
CREATE INDEX logbooks_open ON logbooks (status) WHERE closed_at IS NULL;
${transitions('logbooks', 'status', [
  'new>running',
  'new>ignored',
  'new>failed',
  'running>finished',
  'running>ignored',
  'running>error',
  'running>failed',
  'error>running',
  'error>ignored',
  'error>failed',
  // By an operator command only:
  'failed>new',
  'ignored>new',
])}

CREATE TABLE flowdetails (
  id INTEGER PRIMARY KEY,
  logbook_id INTEGER NOT NULL REFERENCES logbooks (id) ON DELETE CASCADE,
  uuid TEXT NOT NULL UNIQUE,
  attempt INTEGER NOT NULL CHECK (attempt > 0),
  name TEXT NOT NULL,
  target TEXT NOT NULL,
  plan TEXT NOT NULL CHECK (json_valid(plan)),
  config_hash TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('RUNNING', 'SUCCESS', 'FAILURE', 'REVERTING', 'REVERTED', 'REVERT_FAILURE', 'ABANDONED')),
  resumes INTEGER NOT NULL DEFAULT 0,
  left_by INTEGER CHECK (left_by > 0),
  revert_cause TEXT CHECK (revert_cause IN ('work', 'outage', 'order')),
  started_at INTEGER NOT NULL,
  closed_at INTEGER,
  error TEXT,
  UNIQUE (logbook_id, attempt),
  CHECK ((closed_at IS NULL) = (state IN ('RUNNING', 'REVERTING')))
) STRICT;
CREATE UNIQUE INDEX flowdetails_one_open_per_target ON flowdetails (target) WHERE closed_at IS NULL;
CREATE TRIGGER flowdetails_plan_is_frozen BEFORE UPDATE OF plan, target, logbook_id, attempt ON flowdetails
BEGIN SELECT RAISE(ABORT, 'a plan is frozen when its flow starts'); END;
CREATE TRIGGER flowdetails_closed_stays_closed BEFORE UPDATE ON flowdetails WHEN OLD.closed_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a closed flow stays closed'); END;
CREATE TRIGGER flowdetails_open_stays BEFORE DELETE ON flowdetails WHEN OLD.closed_at IS NULL
BEGIN SELECT RAISE(ABORT, 'an open flow stays'); END;

CREATE TABLE atomdetails (
  id INTEGER PRIMARY KEY,
  flow_id INTEGER NOT NULL REFERENCES flowdetails (id) ON DELETE CASCADE,
  ord INTEGER NOT NULL,
  phase TEXT NOT NULL CHECK (phase IN ('pre', 'main', 'post')),
  name TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'PENDING'
    CHECK (state IN ('PENDING', 'RUNNING', 'SUCCESS', 'FAILURE', 'REVERTING', 'REVERTED', 'REVERT_FAILURE')),
  progress REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
  tries INTEGER NOT NULL DEFAULT 0,
  result TEXT CHECK (result IS NULL OR json_valid(result)),
  error TEXT,
  started_at INTEGER,
  ended_at INTEGER,
  UNIQUE (flow_id, ord)
) STRICT;
${transitions('atomdetails', 'state', [
  'PENDING>RUNNING',
  'RUNNING>SUCCESS',
  'RUNNING>FAILURE',
  'FAILURE>RUNNING',
  'SUCCESS>REVERTING',
  'FAILURE>REVERTING',
  'REVERTING>REVERTED',
  'REVERTING>REVERT_FAILURE',
])}

CREATE TABLE steps (
  id INTEGER PRIMARY KEY,
  atom_id INTEGER NOT NULL REFERENCES atomdetails (id) ON DELETE CASCADE,
  ord INTEGER NOT NULL,
  key TEXT NOT NULL,
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'planned'
    CHECK (state IN ('planned', 'intent', 'sent', 'done', 'failed', 'unknown', 'skipped')),
  before TEXT NOT NULL CHECK (json_valid(before)),
  detail TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(detail)),
  request_id TEXT,
  error TEXT,
  epoch INTEGER NOT NULL,
  intent_at INTEGER,
  sent_at INTEGER,
  ended_at INTEGER,
  UNIQUE (atom_id, key)
) STRICT;
CREATE INDEX steps_open ON steps (atom_id) WHERE state IN ('planned', 'intent', 'sent', 'unknown');
CREATE INDEX steps_by_object ON steps (object, id);
${transitions('steps', 'state', [
  'planned>intent',
  // Found already in progress, or already over, without a call of ours.
  'planned>sent',
  'planned>done',
  'planned>failed',
  'planned>skipped',
  // The call certainly did not happen: it was never sent, or it was refused as "not now".
  'intent>planned',
  'intent>sent',
  'intent>done',
  'intent>failed',
  'intent>unknown',
  'intent>skipped',
  'sent>done',
  'sent>failed',
  'sent>unknown',
  'sent>skipped',
  'unknown>intent',
  'unknown>sent',
  'unknown>done',
  'unknown>failed',
  'unknown>skipped',
  // A new attempt after a read showed that the last one failed.
  'failed>intent',
  'failed>done',
  'failed>skipped',
])}
CREATE TRIGGER steps_remember_the_first_state BEFORE UPDATE OF before, key, kind, object, atom_id ON steps
BEGIN SELECT RAISE(ABORT, 'what a step saw before its first call is never rewritten'); END;

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  flow_id INTEGER NOT NULL REFERENCES flowdetails (id) ON DELETE CASCADE,
  seq INTEGER NOT NULL CHECK (seq > 0),
  atom_id INTEGER REFERENCES atomdetails (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  message TEXT NOT NULL,
  progress REAL NOT NULL CHECK (progress BETWEEN 0 AND 1),
  epoch INTEGER NOT NULL,
  UNIQUE (flow_id, seq)
) STRICT;
CREATE INDEX events_by_atom ON events (atom_id);
CREATE TRIGGER events_are_contiguous BEFORE INSERT ON events
WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM events WHERE flow_id = NEW.flow_id), 0)
BEGIN SELECT RAISE(ABORT, 'events of a flow are contiguous'); END;
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_append_only BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
${['atomdetails', 'steps', 'events'].map(goWithTheirFlow).join('')}

-- What recoveries and operators changed about hosts; without a row the configuration counts.
CREATE TABLE hosts (
  name TEXT PRIMARY KEY,
  reserved INTEGER NOT NULL CHECK (reserved IN (0, 1)),
  updated_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL
) STRICT;
`;

/**
 * Parked reports, rounds and waits that no wall clock decides, follow-ups, abandoned evacuations, and counters so that the summary costs
 * the same with any number of closed rows.
 */
const VERSION_2 = `
-- Why an open recovery waits; parked_by: the recovery of its host that has to end first.
ALTER TABLE logbooks ADD COLUMN parked_reason TEXT;
ALTER TABLE logbooks ADD COLUMN parked_by TEXT;
-- The strongest evidence of the host's death that came with the report or a command.
ALTER TABLE logbooks ADD COLUMN proof TEXT NOT NULL DEFAULT 'none' CHECK (proof IN ('none', 'fencing', 'operator'));
-- The newest notification when an operator last stated that the host is down: what is accepted later is newer than that statement.
ALTER TABLE logbooks ADD COLUMN proved_after INTEGER;
-- Rounds that operators started by retry: they count as no failure.
ALTER TABLE logbooks ADD COLUMN retried INTEGER NOT NULL DEFAULT 0;
-- How long engines have had it open, in CLOCK_BOOTTIME ms, up to updated_at.
ALTER TABLE logbooks ADD COLUMN waited_ms INTEGER NOT NULL DEFAULT 0;
-- Outstanding follow-up reads of the host after its recovery finished.
ALTER TABLE logbooks ADD COLUMN follow_ups INTEGER NOT NULL DEFAULT 0;
-- The earliest stamp among its reports, if a duplicate had an earlier one.
ALTER TABLE logbooks ADD COLUMN earliest_at INTEGER;
-- The state at the acceptance: a recovery closed since then was closed by its work.
ALTER TABLE logbooks ADD COLUMN accepted_as TEXT NOT NULL DEFAULT 'new'
  CHECK (accepted_as IN ('new', 'ignored', 'finished'));
UPDATE logbooks SET accepted_as = status WHERE status IN ('ignored', 'finished') AND closed_at = accepted_at;
-- A flood of reports of one state hides none of another.
DROP INDEX logbooks_by_target;
CREATE INDEX logbooks_by_target ON logbooks (target, type, accepted_as, id);
CREATE INDEX logbooks_returns ON logbooks (host, id) WHERE type = 'COMPUTE_HOST' AND payload ->> 'event' = 'STARTED';
CREATE INDEX logbooks_by_status ON logbooks (status, id);
CREATE INDEX logbooks_owed_follow_ups ON logbooks (id) WHERE follow_ups > 0;
DROP TRIGGER logbooks_status_transitions;
${transitions('logbooks', 'status', [
  'new>running',
  'new>ignored',
  'new>finished',
  'new>failed',
  'running>finished',
  'running>ignored',
  'running>error',
  'running>failed',
  // Parked during its work:
  'running>new',
  'error>new',
  'error>running',
  'error>ignored',
  'error>failed',
  // By an operator's command only:
  'failed>new',
  'ignored>new',
])}

CREATE TABLE counts (status TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
INSERT INTO counts SELECT status, count(*) FROM logbooks GROUP BY status;
CREATE TRIGGER counts_of_new_rows AFTER INSERT ON logbooks
BEGIN INSERT INTO counts VALUES (NEW.status, 1) ON CONFLICT (status) DO UPDATE SET n = n + 1; END;
CREATE TRIGGER counts_of_changed_rows AFTER UPDATE OF status ON logbooks WHEN OLD.status <> NEW.status
BEGIN
  UPDATE counts SET n = n - 1 WHERE status = OLD.status;
  INSERT INTO counts VALUES (NEW.status, 1) ON CONFLICT (status) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER counts_of_deleted_rows AFTER DELETE ON logbooks
BEGIN UPDATE counts SET n = n - 1 WHERE status = OLD.status; END;

-- Evacuation records of Nova that an operator declared abandoned: another evacuation may be requested in spite of them.
CREATE TABLE abandoned_evacuations (
  record TEXT PRIMARY KEY,
  instance TEXT NOT NULL,
  declared_at INTEGER NOT NULL,
  declared_by TEXT NOT NULL
) STRICT;
CREATE INDEX abandoned_evacuations_by_instance ON abandoned_evacuations (instance);
${RETENTION}`;

/** Entry n takes a file from schema version n to n + 1 (PRAGMA user_version), each in one transaction. */
export const MIGRATIONS: readonly string[] = [VERSION_1, VERSION_2, AUDIT + KEYS + GATES + PROOFS + DECISIONS];
export const SCHEMA_VERSION = MIGRATIONS.length;
