/** What the scheduler does with every pair of action and code that was measured. */
import type { ActionName } from './fault.ts';
import { CLUSTER_NODES, type Outcome, REMOTE_NODES, type Scheduler } from './scheduler.ts';

export interface Reaction {
  readonly action: ActionName;
  readonly code: number;
  /** The nodes on which the action returned the code. */
  readonly where: string;
  /** `runsOn` in words that do not name the node that the scheduler happened to choose. */
  readonly outcome: { readonly fenced: readonly string[]; readonly runsOn: string };
  readonly summary: string;
}

type Trial = readonly [where: string, outcome: (scheduler: Scheduler) => Promise<Outcome>];

function trials(action: ActionName, code: number): readonly Trial[] {
  switch (action) {
    case 'start':
      return [
        ['home', (scheduler) => scheduler.start(code, false)],
        ['every cluster node', (scheduler) => scheduler.start(code, true)],
      ];
    case 'probe':
      return [
        ['one cluster node', (scheduler) => scheduler.probe(code, ['n2'])],
        ['one remote node', (scheduler) => scheduler.probe(code, ['compute-1'])],
        // Only one engine can hold the journal, so no two nodes have one that runs.
        ...(code === 0
          ? []
          : [
              ['every remote node', (scheduler: Scheduler) => scheduler.probe(code, REMOTE_NODES)] as const,
              [
                'every node',
                (scheduler: Scheduler) => scheduler.probe(code, [...CLUSTER_NODES, ...REMOTE_NODES]),
              ] as const,
            ]),
      ];
    case 'monitor':
      return [['home', (scheduler) => scheduler.monitor(code)]];
    case 'stop':
      return [['home', (scheduler) => scheduler.stop(code)]];
    default:
      // Pacemaker decides nothing by them.
      return [];
  }
}

function place(runsOn: string | undefined, home: string): string {
  if (runsOn === undefined) return 'nowhere';
  return runsOn === home ? 'on home' : 'on another node';
}

/** One after the other: each takes some hundredths of a second. */
export async function reactionsTo(
  scheduler: Scheduler,
  pairs: readonly (readonly [ActionName, number])[],
): Promise<readonly Reaction[]> {
  const reactions: Reaction[] = [];
  for (const [action, code] of pairs) {
    for (const [where, outcomeOf] of trials(action, code)) {
      const { fenced, runsOn, summary } = await outcomeOf(scheduler);
      const shown = fenced.map((node) => (node === scheduler.home ? 'home' : node));
      const outcome = { fenced: shown, runsOn: place(runsOn, scheduler.home) };
      reactions.push({ action, code, where, outcome, summary });
    }
  }
  return reactions;
}
