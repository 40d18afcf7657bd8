/**
 * The audit, schema version 3: each report, refusal and command with its origin.
 *
 * Invariants: an entry is never changed. Entries of a kind are removed from the oldest on, and the number of entries of a kind is
 * bounded when one is written: a flood of one kind removes no entry of another.
 */
export const AUDIT = `
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  -- Numbers the entries of a kind without gaps.
  seq INTEGER NOT NULL CHECK (seq > 0),
  at INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('report', 'refusal', 'command')),
  action TEXT NOT NULL,
  identity TEXT NOT NULL,
  roles TEXT NOT NULL CHECK (json_valid(roles)),
  address TEXT,
  uid INTEGER,
  user TEXT,
  sudo_uid INTEGER,
  sudo_user TEXT,
  -- The recovery that it is about: logbooks.uuid, also after that was removed.
  notification TEXT,
  -- The host that it is about.
  object TEXT,
  -- What the operator stated against the evidence of the engine: JSON, a list of texts.
  overridden TEXT NOT NULL CHECK (json_valid(overridden)),
  reason TEXT,
  outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'duplicate', 'ignored', 'refused')),
  message TEXT,
  -- Number of refusals in the entry, and the time of the first of them.
  times INTEGER NOT NULL CHECK (times > 0),
  first_at INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  -- lease.served_ms when it was written: the clock of retention.
  served_ms INTEGER NOT NULL,
  UNIQUE (kind, seq),
  CHECK ((kind = 'refusal') = (outcome = 'refused'))
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_notification ON audit (notification) WHERE notification IS NOT NULL;
CREATE TRIGGER audit_is_contiguous BEFORE INSERT ON audit
WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM audit WHERE kind = NEW.kind), 0)
BEGIN SELECT RAISE(ABORT, 'entries of the audit are contiguous'); END;
-- REPLACE deletes without firing the trigger for DELETE.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_goes_from_the_oldest_on BEFORE DELETE ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE kind = OLD.kind AND seq < OLD.seq)
BEGIN SELECT RAISE(ABORT, 'the audit is removed from its oldest entry on'); END;
`;
