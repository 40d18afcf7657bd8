/** The messages between the engine's thread and the journal's thread. */
import type { JournalFailureKind } from './failure.ts';
import type { Mutation } from './mutations.ts';
import type { RetentionLimits } from './prune-decision.ts';
import type { QueryName } from './queries.ts';
import type { LeaseSettings } from './session.ts';

export interface ThreadData {
  readonly settings: LeaseSettings;
  readonly node: string;
}

export type Request =
  | { readonly id: number; readonly do: 'commit'; readonly mutations: readonly Mutation[] }
  | { readonly id: number; readonly do: 'confirm' | 'beat' | 'close' | 'commits' }
  | { readonly id: number; readonly do: 'prune'; readonly limits: RetentionLimits }
  | { readonly id: number; readonly do: 'query'; readonly name: QueryName; readonly parameters: readonly unknown[] };

export interface Failure {
  readonly kind: JournalFailureKind;
  readonly message: string;
  readonly code: string | undefined;
}

export type Reply =
  | {
      readonly reply: 'opened';
      readonly epoch: number;
      readonly owner: string;
      readonly reason: string;
      readonly warnings: readonly string[];
      readonly confirmedAt: number;
    }
  | { readonly reply: 'done'; readonly id: number; readonly value: unknown; readonly confirmedAt: number | undefined }
  | { readonly reply: 'failed'; readonly id: number; readonly failure: Failure }
  /** The thread is finished; every request that is still open fails with this. */
  | { readonly reply: 'fatal'; readonly failure: Failure };
