/**
 * Decisions about recoveries, schema version 3: each with the facts and limits by which it was made.
 *
 * Invariants: a decision is in the transaction of its effect, and is never changed. Only the number of equal decisions that a row
 * represents grows. The size of a row is bounded here, the number of rows of a recovery where they are written (`decisions.ts`).
 */
import { DECISION_KINDS } from './rows.ts';

/** Maximum size of the facts, and of the limits, of one decision. */
export const MAX_FACTS_BYTES = 8_192;

const KINDS = DECISION_KINDS.map((kind) => `'${kind}'`).join(', ');

export const DECISIONS = `
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY,
  logbook_id INTEGER NOT NULL REFERENCES logbooks (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch > 0),
  kind TEXT NOT NULL CHECK (kind IN (${KINDS})),
  outcome TEXT NOT NULL CHECK (outcome <> ''),
  -- The gate or the rule that decided; NULL: none held it.
  rule TEXT,
  -- A sentence for the operator.
  reason TEXT,
  facts TEXT NOT NULL CHECK (json_valid(facts) AND length(CAST(facts AS BLOB)) <= ${MAX_FACTS_BYTES}),
  limits TEXT NOT NULL CHECK (json_valid(limits) AND length(CAST(limits AS BLOB)) <= ${MAX_FACTS_BYTES}),
  -- Number of equal decisions that it represents: older ones that were removed, and itself.
  times INTEGER NOT NULL DEFAULT 1 CHECK (times > 0)
) STRICT;
CREATE INDEX decisions_of_recovery ON decisions (logbook_id, id);
CREATE TRIGGER decisions_are_not_changed
BEFORE UPDATE OF id, logbook_id, at, epoch, kind, outcome, rule, reason, facts, limits ON decisions
BEGIN SELECT RAISE(ABORT, 'a decision is not changed'); END;
CREATE TRIGGER decisions_are_counted BEFORE UPDATE OF times ON decisions WHEN NEW.times <= OLD.times
BEGIN SELECT RAISE(ABORT, 'the number of equal decisions grows'); END;
-- REPLACE deletes without firing the trigger for DELETE.
CREATE TRIGGER decisions_are_not_replaced BEFORE INSERT ON decisions WHEN EXISTS (SELECT 1 FROM decisions WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a decision is not changed'); END;
-- The first decision of a recovery is its acceptance.
CREATE TRIGGER decisions_keep_the_first BEFORE DELETE ON decisions
WHEN EXISTS (SELECT 1 FROM logbooks WHERE id = OLD.logbook_id)
  AND NOT EXISTS (SELECT 1 FROM decisions WHERE logbook_id = OLD.logbook_id AND id < OLD.id)
BEGIN SELECT RAISE(ABORT, 'the first decision about a recovery stays'); END;
`;
