/** Decision records have one form: number and title, then date and status; records that replace each other refer to each other. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const FOLDER = fileURLToPath(new URL('../docs/decisions', import.meta.url));
const NAMES = readdirSync(FOLDER).sort();
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

const FORM =
  /^# (\d{4}): (\S[^\n]+)\n\nDate: (\d{4}-\d{2}-\d{2})\. Status: (accepted\b|superseded (?:in part )?by \[\d{4}\])([^\n]*(?:\n[^\n]+)*)\n\n/;

/** The names of the records that the status of a record links, by the word before. */
function linkedBy(name: string, word: 'superseded' | 'supersedes'): string[] {
  const status = FORM.exec(read(name))?.[0].split('\n\n')[1] ?? '';
  const [, rest = ''] = status.split(`${word} `);
  return [...rest.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
}

describe.each(NAMES)('decision %s', (name) => {
  it('has its number, a title, a date and a status', () => {
    const [, number = '', , date = ''] = FORM.exec(read(name)) ?? [];
    expect(number).toBe(name.slice(0, 4));
    expect(new Date(date).toISOString().slice(0, 10)).toBe(date);
  });

  it('is named by the record that it supersedes, and by the one that supersedes it', () => {
    for (const other of linkedBy(name, 'supersedes')) expect(linkedBy(other, 'superseded')).toContain(name);
    for (const other of linkedBy(name, 'superseded')) expect(linkedBy(other, 'supersedes')).toContain(name);
  });
});

it('numbers follow each other without a gap', () => {
  expect(NAMES.map((name) => Number(name.slice(0, 4)))).toEqual(NAMES.map((_, index) => index + 1));
});
