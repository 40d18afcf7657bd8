/**
 * Which moves wait for an earlier phase. Pure.
 *
 * Invariant: a phase ends by itself. Each of its moves is awaited until the instance is active on another host, or until it failed finally,
 * and the time limits of a move bound both. An instance that was not running is awaited until its arrival only: nothing depends on it.
 */
import type { TaskSettings } from '#config/options/task-settings.ts';
import { evacuationOf, type Move } from './instance-progress.ts';

export type PhaseScope = TaskSettings['orderPhases'];

/** The first phase that has not ended, by project; one for all with the scope `all`. */
export type OpenPhases = ReadonlyMap<string, number>;

export function openPhases(moves: readonly Move[], scope: PhaseScope): OpenPhases {
  const open = new Map<string, number>();
  for (const move of moves) {
    if (hasEnded(move)) continue;
    const key = scopeOf(move, scope);
    open.set(key, Math.min(open.get(key) ?? Number.POSITIVE_INFINITY, phaseOf(move)));
  }
  return open;
}

/** Whether a move may not be requested yet. */
export function isHeld(move: Move, scope: PhaseScope, open: OpenPhases): boolean {
  return scope !== 'none' && phaseOf(move) > (open.get(scopeOf(move, scope)) ?? Number.POSITIVE_INFINITY);
}

function hasEnded(move: Move): boolean {
  if (move.result) return true;
  const arrival = evacuationOf(move)?.state;
  return move.wanted !== 'running' && (arrival === 'done' || arrival === 'skipped');
}

function scopeOf({ snapshot }: Move, scope: PhaseScope): string {
  return scope === 'project' ? snapshot.projectId : '';
}

/** A plan of an earlier version has none. */
function phaseOf({ snapshot }: Move): number {
  return snapshot.phase ?? 1;
}
