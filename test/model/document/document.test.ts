/** docs/concepts/model.md holds the states, transitions, reads and waits that the code has: no more and no fewer. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { OPTIONS } from '#config/options/options.ts';
import { MIGRATIONS } from '#engine/journal/schema.ts';
import { NOTIFICATION_STATUSES, OPEN_STATUSES } from '#protocol/notification-status.ts';
import { type Table, tablesBelow } from './tables.ts';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');
const DOCUMENT = read('docs/concepts/model.md');
const WORDS = read('engine/journal/rows.ts');
const CLOUD = read('engine/cloud/cloud.ts');

const quoted = (text: string): string[] => [...text.matchAll(/'([^']+)'/g)].map(([, word = '']) => word);

/** The states that a type of the journal's rows allows. */
const statesOf = (union: string): string[] =>
  quoted(new RegExp(`export type ${union} = ([^;]*);`).exec(WORDS)?.[1] ?? '');

const KINDS = [
  { heading: '## States of a notification', table: 'logbooks', column: 'status', typed: NOTIFICATION_STATUSES },
  { heading: '## States of a flow', table: 'flowdetails', column: 'state', typed: statesOf('FlowState') },
  { heading: '## States of a task', table: 'atomdetails', column: 'state', typed: statesOf('AtomState') },
  { heading: '## States of a step', table: 'steps', column: 'state', typed: statesOf('StepState') },
] as const;

const journal = new Database(':memory:');
for (const migration of MIGRATIONS) journal.exec(migration);
afterAll(() => journal.close());

const column = ({ rows }: Table, name: string): string[] => rows.map((row) => row[name] ?? '');

function twoTables(heading: string): [Table, Table] {
  const [states, transitions] = tablesBelow(DOCUMENT, heading);
  if (!states || !transitions) throw new Error(`"${heading}" needs a table of states and one of transitions`);
  return [states, transitions];
}

function sqlOf(type: 'table' | 'trigger', name: string): string | undefined {
  const row = journal
    .prepare<[string, string], { sql: string }>('SELECT sql FROM sqlite_master WHERE type = ? AND name = ?')
    .get(type, name);
  return row?.sql;
}

/** The words that the CHECK of a column allows. */
function statesInSchema(table: string, name: string): string[] {
  const check = new RegExp(`CHECK \\(${name} IN \\(([^)]*)\\)\\)`).exec(sqlOf('table', table) ?? '');
  return quoted(check?.[1] ?? '');
}

/** What the trigger of a column lets through; undefined: it has none. */
function transitionsInSchema(table: string, name: string): string[] | undefined {
  const sql = sqlOf('trigger', `${table}_${name}_transitions`);
  const list = sql && /NOT IN \(([^)]*)\)/.exec(sql)?.[1];
  return list === undefined ? undefined : quoted(list);
}

describe.each(KINDS)('docs/concepts/model.md: $table', ({ heading, table, column: name, typed }) => {
  const [states, transitions] = twoTables(heading);
  const pairs = transitions.rows.map(({ from, to }) => `${from}>${to}`);

  it('has the states of the schema and of the type', () => {
    const documented = column(states, 'state').sort();
    expect(documented).toEqual(statesInSchema(table, name).sort());
    expect(documented).toEqual(typed.toSorted());
  });

  it('has the transitions that the schema allows', () => {
    const allowed = transitionsInSchema(table, name);
    // A flow's only rule is that a closed one stays closed.
    if (allowed) expect([...pairs].sort()).toEqual([...allowed].sort());
    else expect(sqlOf('trigger', `${table}_closed_stays_closed`)).toBeDefined();
    expect(new Set(pairs).size).toBe(pairs.length);
  });

  it('moves nothing out of a terminal state, except by an operator or to undo it', () => {
    const terminal = new Set(states.rows.filter((row) => row.terminal === 'yes').map(({ state }) => state));
    for (const { from = '', to, 'moved by': by } of transitions.rows) {
      if (terminal.has(from)) expect([by === 'operator' || to === 'REVERTING', from, to]).toEqual([true, from, to]);
    }
    for (const { state = '' } of states.rows) {
      expect([pairs.some((pair) => pair.startsWith(`${state}>`)) || terminal.has(state), state]).toEqual([true, state]);
    }
  });

  it('names who makes each transition, and when', () => {
    for (const row of transitions.rows) {
      expect(['engine', 'operator', 'engine or operator']).toContain(row['moved by']);
      expect(row.when).not.toBe('');
    }
  });
});

describe('docs/concepts/model.md', () => {
  it('has as open states of a notification those of the code', () => {
    const [states] = twoTables('## States of a notification');
    const open = states.rows.filter(({ terminal }) => terminal === 'no').map(({ state }) => state);
    expect(open.sort()).toEqual([...OPEN_STATUSES].sort());
  });

  it('has every read of the cloud with its three outcomes', () => {
    const methods = CLOUD.slice(CLOUD.indexOf('export interface Cloud ')).matchAll(
      /^ {2}(\w+)\(([\s\S]*?)\): Promise/gm,
    );
    const reads = [...methods].filter(([, , parameters = '']) => parameters.includes('options?: CallOptions'));
    const [evidence] = tablesBelow(DOCUMENT, '## Evidence');
    expect(evidence && column(evidence, 'read').sort()).toEqual(reads.map(([, name = '']) => name).sort());
    for (const row of evidence?.rows ?? []) {
      for (const outcome of ['yes', 'no', 'no answer']) expect([row.read, row[outcome]]).not.toEqual([row.read, '']);
    }
  });

  it('names in its waits only options that exist, and a clock', () => {
    const [waits] = tablesBelow(DOCUMENT, '## Clocks');
    const names = new Set(OPTIONS.map(({ spec }) => spec.name));
    for (const { wait, clock = '', bound = '' } of waits?.rows ?? []) {
      expect(['boottime', 'wall', "Nova's"], wait).toContain(clock);
      const options = [...bound.matchAll(/`([a-z_]+)`/g)].map(([, name = '']) => name);
      const unknown = options.filter((name) => !names.has(name) && !ROWS_OR_TASKS.has(name));
      expect([wait, ...unknown]).toEqual([wait]);
    }
  });

  it('names every option that is a wait of the engine', () => {
    const [waits] = tablesBelow(DOCUMENT, '## Clocks');
    const bounds = waits ? column(waits, 'bound').join(' ') : '';
    const missing = OPTIONS.filter(({ group, field }) => WAITING.has(group) && field.endsWith('Ms'))
      .map(({ spec }) => spec.name)
      .filter((name) => !bounds.includes(`\`${name}\``) && !NO_WAITS.has(name));
    expect(missing).toEqual([]);
  });
});

/** Columns of the journal and options of a task's own section. */
const ROWS_OR_TASKS = new Set(['retry_at', 'updated_at', 'waited_ms', 'timeout', 'retry_delay']);
const WAITING: ReadonlySet<string> = new Set(['general', 'hostFailure', 'engine']);
/** Intervals of polls: what they find out has a wait of its own. The round's interval is in `retry_at`. */
const NO_WAITS = new Set([
  'verify_interval',
  'process_unfinished_notifications_interval',
  'retry_notification_new_status_interval',
  'check_expired_notifications_interval',
]);
