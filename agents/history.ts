/** The history of a recovery: its decisions and its audit, in the order in which they became known. Pure. */
import type { AuditView, CaseView, DecisionView, HistoryEntryView, RecoveryView, WhyView } from '#protocol/views.ts';
import { VERSION } from './version.ts';

/** @param recovery of an engine of any version: an earlier one has no decisions and no audit */
export function historyOf({ notification, audit, decisions, recovery_times }: RecoveryView): WhyView {
  return { notification, history: merged(decisions ?? [], audit ?? []), recovery_times: recovery_times ?? [] };
}

export function caseOf(recovery: RecoveryView): CaseView {
  return { format: 'recovery-agent-case', format_version: 1, version: VERSION, ...historyOf(recovery) };
}

/**
 * Each list keeps its order, which is that of the commits. Between the lists the engine's epoch decides, and in one epoch its clock: clocks
 * of two engines are not compared.
 */
function merged(decisions: readonly DecisionView[], audit: readonly AuditView[]): HistoryEntryView[] {
  const history: HistoryEntryView[] = [];
  const left = { decisions: [...decisions], audit: [...audit] };
  for (;;) {
    const [decision] = left.decisions;
    const [entry] = left.audit;
    if (entry !== undefined && (decision === undefined || isBefore(entry, decision))) {
      left.audit.shift();
      history.push({ entry: 'audit', ...entry });
    } else if (decision !== undefined) {
      left.decisions.shift();
      history.push({ entry: 'decision', ...decision });
    } else return history;
  }
}

/** At the same time the report or the command comes first: the decision follows from it. */
function isBefore(entry: AuditView, decision: DecisionView): boolean {
  if (entry.epoch !== decision.epoch) return entry.epoch < decision.epoch;
  return entry.time <= decision.time;
}
