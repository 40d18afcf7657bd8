/**
 * The statements of a database, each prepared once: that takes longer than most queries.
 *
 * Invariant: a statement is not used while it runs; queries read all of their rows at once.
 */
import type Database from 'better-sqlite3';

/** What the queries need of a database. */
export type QueriedDatabase = Pick<Database.Database, 'prepare'>;

const withStatements = new WeakMap<QueriedDatabase, QueriedDatabase>();

export function preparedOnce(db: QueriedDatabase): QueriedDatabase {
  const known = withStatements.get(db);
  if (known !== undefined) return known;
  const statements = new Map<string, Database.Statement>();
  const prepare = (sql: string): Database.Statement => {
    const statement = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  const made = { prepare } as QueriedDatabase;
  withStatements.set(db, made);
  // It may be passed to a query itself.
  withStatements.set(made, made);
  return made;
}
