/**
 * The time to recovery of each instance, from the rows of its recovery. Pure.
 *
 * The times are wall clocks: the report's of the monitor, all others of the engine that wrote them. `detected` is no later than the
 * acceptance, so a monitor whose clock is ahead shortens nothing below the engine's own time.
 */
import type { RecoveryTimeView } from '#protocol/views.ts';
import type { FlowSnapshot } from '../journal/mutations.ts';
import type { LogbookRow, StepRow } from '../journal/rows.ts';

/** Kinds of steps by which an instance returns. */
const RECOVERING: ReadonlySet<string> = new Set(['evacuate', 'start', 'reboot', 'rebuild']);
/** Kinds of steps that belong to it: they prepare it, or restore the original state. */
const AROUND: ReadonlySet<string> = new Set(['reset', 'stop', 'error']);

export function recoveryTimes(logbook: LogbookRow, flows: readonly FlowSnapshot[]): readonly RecoveryTimeView[] {
  const detected = Math.min(logbook.earliest_at ?? logbook.generated_at, logbook.accepted_at);
  const [first] = flows;
  const steps = flows.map((flow) =>
    Map.groupBy(
      flow.steps.filter(({ kind }) => RECOVERING.has(kind) || AROUND.has(kind)),
      ({ object }) => object,
    ),
  );
  const instances = new Set(steps.flatMap((ofFlow) => [...ofFlow].filter(isRecovered).map(([object]) => object)));
  return [...instances].map((instance): RecoveryTimeView => {
    const all = steps.map((ofFlow) => ofFlow.get(instance) ?? []);
    const calls = all.flat().flatMap(({ intent_at, sent_at }) => intent_at ?? sent_at ?? []);
    const called = calls.length > 0 ? Math.min(...calls) : null;
    const confirmed = confirmedAt(all.findLast((ofFlow) => ofFlow.length > 0) ?? []);
    return {
      instance_uuid: instance,
      detected_at: new Date(detected).toISOString(),
      accepted_at: new Date(logbook.accepted_at).toISOString(),
      decided_at: isoOrNull(first?.flow.started_at ?? null),
      called_at: isoOrNull(called),
      confirmed_at: isoOrNull(confirmed),
      seconds: confirmed === null ? null : (confirmed - detected) / 1_000,
    };
  });
}

function isRecovered([, steps]: readonly [string, readonly StepRow[]]): boolean {
  return steps.some(({ kind }) => RECOVERING.has(kind));
}

/** When the last step ended; null: a step is open or failed, or nothing was done. */
function confirmedAt(steps: readonly StepRow[]): number | null {
  const isOver = steps.every(({ state }) => state === 'done' || state === 'skipped');
  const ends = steps.filter(({ kind, state }) => state === 'done' && RECOVERING.has(kind));
  if (!isOver || ends.length === 0) return null;
  return Math.max(...steps.filter(({ state }) => state === 'done').map(({ ended_at }) => ended_at ?? 0));
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
