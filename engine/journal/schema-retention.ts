/**
 * Retention of the journal, part of schema version 2: indexes so that no query depends on the number of closed recoveries, a record of the
 * instances away from home that outlives the recoveries which moved them, and the clock of retention.
 *
 * The clock of retention is `lease.served_ms`: CLOCK_BOOTTIME ms in which engines held the lease. Closing a recovery stamps it with that
 * clock. It does not depend on a wall clock, so a wrong one can neither age a recovery nor keep it young.
 */
import { MIGRATION_KINDS } from './migration-kinds.ts';

const MIGRATIONS = MIGRATION_KINDS.map((kind) => `'${kind}'`).join(', ');

/** The joins from a step to its recovery, if it is one of a host. */
function recoveryOf(atom: string): string {
  return `logbooks l JOIN flowdetails f ON f.logbook_id = l.id JOIN atomdetails a ON a.flow_id = f.id
  WHERE a.id = ${atom} AND l.type = 'COMPUTE_HOST'`;
}

/** Steps are written by UPDATE; a row that arrives settled (a restored dump) counts too. */
function awayTriggers(event: 'INSERT' | 'UPDATE OF state, detail'): string {
  const name = event === 'INSERT' ? 'new' : 'changed';
  return `
CREATE TRIGGER away_by_${name}_evacuations AFTER ${event} ON steps WHEN NEW.kind = 'evacuate' AND NEW.state = 'done'
BEGIN
  INSERT INTO away (host, instance, since, step_id, destination, home_by)
  SELECT l.host, NEW.object, NEW.id, NEW.id, NEW.detail ->> 'destination', NULL FROM ${recoveryOf('NEW.atom_id')}
  ON CONFLICT (host, instance) DO UPDATE SET
    since = iif(home_by IS NULL, since, excluded.since), home_by = iif(excluded.step_id > step_id, NULL, home_by),
    destination = excluded.destination, step_id = excluded.step_id
    WHERE excluded.step_id >= step_id;
END;
CREATE TRIGGER away_until_${name}_migrations AFTER ${event} ON steps
WHEN NEW.kind IN (${MIGRATIONS}) AND NEW.state = 'done'
BEGIN
  UPDATE away SET home_by = r.id FROM (SELECT l.id, l.host FROM ${recoveryOf('NEW.atom_id')}) r
  WHERE away.host = r.host AND away.instance = NEW.object AND away.step_id < NEW.id AND away.home_by IS NULL;
END;`;
}

export const RETENTION = `
-- Scheduling and the summary read open rows only, oldest first.
DROP INDEX logbooks_open;
CREATE INDEX logbooks_open ON logbooks (id) WHERE closed_at IS NULL;
CREATE INDEX logbooks_parked_by ON logbooks (parked_by) WHERE parked_by IS NOT NULL;
CREATE INDEX logbooks_finished_hosts ON logbooks (host, type, id) WHERE type = 'COMPUTE_HOST' AND status = 'finished';
CREATE INDEX flowdetails_by_target ON flowdetails (target, logbook_id);
CREATE INDEX steps_unsettled_evacuations ON steps (intent_at)
  WHERE kind = 'evacuate' AND state IN ('intent', 'sent', 'unknown');

-- CLOCK_BOOTTIME ms in which engines held the lease; a recovery's is that of its closing, null: closed as it was accepted.
ALTER TABLE lease ADD COLUMN served_ms INTEGER NOT NULL DEFAULT 0 CHECK (served_ms >= 0);
ALTER TABLE logbooks ADD COLUMN closed_served_ms INTEGER;
CREATE TRIGGER logbooks_are_stamped AFTER UPDATE OF closed_at ON logbooks
WHEN (OLD.closed_at IS NULL) <> (NEW.closed_at IS NULL)
BEGIN
  UPDATE logbooks SET closed_served_ms = iif(NEW.closed_at IS NULL, NULL, (SELECT served_ms FROM lease)) WHERE id = NEW.id;
END;

-- Instances that recoveries of a host moved off it, by the first step (since) and the newest (step_id) that did so; home_by: the
-- recovery that brought it home (its logbook's id).
CREATE TABLE away (
  host TEXT NOT NULL,
  instance TEXT NOT NULL,
  since INTEGER NOT NULL,
  step_id INTEGER NOT NULL,
  destination TEXT,
  home_by INTEGER,
  PRIMARY KEY (host, instance)
) STRICT, WITHOUT ROWID;
CREATE INDEX away_from ON away (host, since) WHERE home_by IS NULL;
CREATE INDEX away_until ON away (home_by) WHERE home_by IS NOT NULL;
INSERT INTO away (host, instance, since, step_id, destination)
  SELECT l.host, s.object, s.id, s.id, s.detail ->> 'destination' FROM steps s
  JOIN atomdetails a ON a.id = s.atom_id JOIN flowdetails f ON f.id = a.flow_id JOIN logbooks l ON l.id = f.logbook_id
  WHERE l.type = 'COMPUTE_HOST' AND s.kind = 'evacuate' AND s.state = 'done' ORDER BY s.id
  ON CONFLICT (host, instance) DO UPDATE SET step_id = excluded.step_id, destination = excluded.destination;
UPDATE away SET home_by = (
  SELECT l.id FROM steps s JOIN atomdetails a ON a.id = s.atom_id JOIN flowdetails f ON f.id = a.flow_id
  JOIN logbooks l ON l.id = f.logbook_id
  WHERE s.object = away.instance AND s.id > away.step_id AND s.kind IN (${MIGRATIONS}) AND s.state = 'done'
    AND l.host = away.host AND l.type = 'COMPUTE_HOST' ORDER BY s.id LIMIT 1);
${awayTriggers('INSERT')}${awayTriggers('UPDATE OF state, detail')}
CREATE TRIGGER away_ends_with_its_return AFTER DELETE ON logbooks BEGIN DELETE FROM away WHERE home_by = OLD.id; END;
`;
