/** The words of everyday speech that had replaced the terms of the field, and what to write instead. */

interface WordGroup {
  /** A regular expression of whole words. A word is listed only if prose about this program never needs it. */
  readonly words: string;
  readonly instead: string;
  /** How often Patroni 4's documents and comments use the group, for each 10,000 words; counted on its sources in 2026. */
  readonly patroni?: number;
}

const GROUPS: readonly WordGroup[] = [
  {
    words: 'say|says|said|saying|tell|tells|told|telling',
    instead: 'log, report, state, return; tell apart: distinguish',
    patroni: 0.2,
  },
  { words: 'ask|asks|asked|asking', instead: 'request, query, read', patroni: 1 },
  { words: 'answers|answered|answering', instead: 'respond; not answered: no response' },
  { words: '(?:look|looks|looked|looking)(?![- ]ups?)', instead: 'poll, read, check; looks like: resembles' },
  { words: 'sight|sights|sighted|sightedness|unseen', instead: 'poll, read; detected; blind' },
  { words: 'stands|stood|lie|lies|lay', instead: 'is in, is on, contains', patroni: 0.4 },
  {
    words: 'whoever|nobody|somebody|everybody|anybody|whatever',
    instead: 'the user, the attacker; no user, every user; any',
    patroni: 1,
  },
  { words: 'anew|begun', instead: 'again; started', patroni: 0.6 },
  { words: '(?:go|goes|going|gone|went) on', instead: 'continue', patroni: 0.2 },
  { words: '(?:take|takes|taken|taking|took)(?: \\w+)? back', instead: 'roll back, undo' },
  { words: '(?:try|tries|tried)(?: \\w+)? again', instead: 'retry' },
  { words: '(?:leave|leaves|left)(?: \\w+)? alone', instead: 'skip, ignore; is not changed' },
  { words: '(?:give|gives|gave|given)(?: \\w+)? up', instead: 'stop waiting, time out; become a dead letter' },
  { words: '(?:bring|brings|brought) (?:back|home)', instead: 'restart, restore, return' },
  { words: 'in the middle of', instead: 'during' },
  { words: 'reign|reigns', instead: 'lease' },
  { words: 'beat|beats', instead: 'lease renewal' },
  { words: 'ledger|ledgers', instead: 'state file, record, journal' },
  { words: 'verdict|verdicts|judge|judges|judged', instead: 'state, decision; decide' },
  { words: 'hear|hears|heard', instead: 'receive, respond' },
  { words: 'voice|voices', instead: 'operator command' },
  { words: 'patience', instead: 'outage retry' },
  { words: 'mend|mends', instead: 'recover, resume' },
  { words: 'fate', instead: 'result, final state' },
  { words: 'board|boards', instead: 'BMC' },
  { words: 'room|rooms', instead: 'module, folder' },
];

const PATTERNS = GROUPS.map((group) => ({ ...group, pattern: new RegExp(`\\b(?:${group.words})\\b`, 'gi') }));

/** One line for each word of the list in the prose. */
export function findings(path: string, prose: readonly Prose[]): string[] {
  return prose.flatMap(({ line, text }) =>
    PATTERNS.flatMap(({ pattern, instead }) =>
      [...text.matchAll(pattern)].map(([word]) => `${path}:${line}: "${word}"; write instead: ${instead}`),
    ),
  );
}

/** A line of prose of a file. */
export interface Prose {
  /** From 1 on. */
  readonly line: number;
  readonly text: string;
}

/** How often each group of Patroni's figures occurs, for each 10,000 words, beside Patroni. */
export function frequencies(prose: readonly Prose[]): string[] {
  const text = prose.map((line) => line.text).join('\n');
  const words = text.match(/\b[A-Za-z][A-Za-z'-]*\b/g)?.length ?? 0;
  return PATTERNS.filter(({ patroni }) => patroni !== undefined).map(({ words: group, pattern, patroni }) => {
    const count = text.match(pattern)?.length ?? 0;
    return `${group}: ${((count / words) * 10_000).toFixed(1)} (Patroni ${patroni}) in ${words} words`;
  });
}
