/** Operator commands to gates, schema version 3: at most one pause of all recoveries, hosts in maintenance, and approvals of recoveries. */
export const GATES = `
CREATE TABLE pause (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- The operator, as the audit names the origin.
  paused_by TEXT NOT NULL,
  reason TEXT,
  paused_at INTEGER NOT NULL,
  -- Length in ms, counted while an engine runs (lease.served_ms); NULL: until a command ends it.
  for_ms INTEGER CHECK (for_ms > 0),
  served_ms INTEGER NOT NULL
) STRICT;
-- Hosts on which an operator works.
CREATE TABLE maintenances (
  host TEXT PRIMARY KEY,
  set_by TEXT NOT NULL,
  reason TEXT,
  set_at INTEGER NOT NULL
) STRICT;
-- Instances that a recovery leaves on their failed host, by an operator command.
CREATE TABLE skips (
  logbook_id INTEGER NOT NULL REFERENCES logbooks (id) ON DELETE CASCADE,
  instance TEXT NOT NULL,
  skipped_at INTEGER NOT NULL,
  PRIMARY KEY (logbook_id, instance)
) STRICT, WITHOUT ROWID;
-- An operator approved that the recovery starts although a gate holds it.
ALTER TABLE logbooks ADD COLUMN approved INTEGER NOT NULL DEFAULT 0 CHECK (approved IN (0, 1));
-- Set by an operator: of recoveries that may start, the one with the greatest number is the first.
ALTER TABLE logbooks ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
`;
