/** Kinds of steps that move an instance home; they are never taken for evacuations, nor evacuations for them. */
export const MIGRATION_KINDS = ['live_migrate', 'cold_migrate'] as const;
export type MigrationKind = (typeof MIGRATION_KINDS)[number];

const MOVES: ReadonlySet<string> = new Set(['evacuate', ...MIGRATION_KINDS]);

/** Whether a step moves an instance, and so is shown as what became of it. */
export function isMove({ kind }: { readonly kind: string }): boolean {
  return MOVES.has(kind);
}
