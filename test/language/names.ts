/** Which names of a program contain a word that the glossary has a term for. */
import { parseSync, Visitor } from 'oxc-parser';
import { lineNumbers } from './prose.ts';

const WORDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'tell tells told say says said saying': 'log, report, notify, state',
    'ask asks asked asking': 'request, query, read',
    'look looks looked looking sight sights sighted unseen': 'read, poll, observation',
    'judge judges judged judgement verdict verdicts': 'decide, decision',
    'hear hears heard': 'receive, received',
    'reign reigning': 'lease, term',
    'ledger ledgers': 'state file, journal',
    'board boards': 'BMC',
    patience: 'outage retry, timeout',
    'mend mends fate begun anew': 'recover, outcome, started, again',
    'nobody somebody everybody anybody whoever whatever': 'the user, others',
  }).flatMap(([words, instead]) => words.split(' ').map((word) => [word, instead] as const)),
);

/** Keys of documented JSON: they keep their names. */
const KEYS: ReadonlySet<string> = new Set(['said', 'said_by', 'sights', 'verdict']);

const wordsOf = (name: string): string[] =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[ _]/);

/** One line for each name and the first line that has it. */
export function namesToReplace(path: string, program: string): string[] {
  const { program: tree } = parseSync(path, program);
  const line = lineNumbers(program);
  const found = new Map<string, string>();
  const examine = (name: string, start: number): void => {
    if (KEYS.has(name) || found.has(name)) return;
    const word = wordsOf(name).find((each) => WORDS.has(each));
    if (word === undefined) return;
    found.set(name, `${path}:${line(start)}: the name "${name}"; use instead of "${word}": ${WORDS.get(word)}`);
  };
  const names = new Visitor({
    Identifier: ({ name, start }) => examine(name, start),
    PrivateIdentifier: ({ name, start }) => examine(name, start),
  });
  names.visit(tree);
  return [...found.values()];
}
