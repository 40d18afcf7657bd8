/** Kinds of steps that move an instance home; they are never taken for evacuations, nor evacuations for them. */
export const MIGRATION_KINDS = ['live_migrate', 'cold_migrate'] as const;
export type MigrationKind = (typeof MIGRATION_KINDS)[number];

const MIGRATIONS: ReadonlySet<string> = new Set(MIGRATION_KINDS);

export function isMigration({ kind }: { readonly kind: string }): boolean {
  return MIGRATIONS.has(kind);
}

/** Whether a step moves an instance, and so is shown as the result for the instance. */
export function isMove(step: { readonly kind: string }): boolean {
  return step.kind === 'evacuate' || isMigration(step);
}
