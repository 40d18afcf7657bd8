/** What programs showed about the death of hosts, part of schema version 3: the last result of each program for each recovery. */
export const PROOFS = `
CREATE TABLE proof_checks (
  logbook_id INTEGER NOT NULL REFERENCES logbooks (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  -- running: its program was started; an engine that ends meanwhile leaves this, and the next one starts it again.
  state TEXT NOT NULL CHECK (state IN ('running', 'dead', 'alive', 'unknown')),
  detail TEXT NOT NULL,
  at INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  PRIMARY KEY (logbook_id, name)
) STRICT, WITHOUT ROWID;
`;
