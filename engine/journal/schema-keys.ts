/** Data that engines have seen of the key ring, schema version 3: one row without secrets. */
export const KEYS = `
CREATE TABLE key_floor (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- JSON: the revision of the newest copy, the oldest valid generation, and the lowest valid serial of each host.
  floor TEXT NOT NULL CHECK (json_valid(floor)),
  updated_at INTEGER NOT NULL
) STRICT;
`;
