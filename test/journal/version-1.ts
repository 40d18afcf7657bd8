/** A journal as the engine of schema version 1 left it, with rows in every state. */
import { readFileSync } from 'node:fs';
import type { Place } from './place.ts';

/** Writes the file at the journal's path. */
export function createVersion1(place: Place): void {
  const db = place.hand();
  db.exec(readFileSync(new URL('../fixtures/journal/version-1.sql', import.meta.url), 'utf8'));
  db.close();
}
