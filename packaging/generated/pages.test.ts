import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { strayTexts } from '../man/manual.ts';
import { fileOf, PAGES } from './pages.ts';

it.each([...PAGES])('%s is what "npm run generate" writes', (path, render) => {
  expect(readFileSync(fileOf(path), 'utf8')).toBe(render());
});

it('the template of the manual names only commands and options that exist', () => {
  expect(strayTexts(readFileSync(fileOf('packaging/man/template.8'), 'utf8'))).toEqual([]);
});
