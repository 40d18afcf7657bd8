/** The files of the checkout that are made from tables of the code. `npm run generate` writes them, and a test compares them. */
import { readFileSync } from 'node:fs';
import { renderReference } from '#config/options/reference.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import { renderManual } from '../man/manual.ts';

const ROOT = new URL('../../', import.meta.url);

export function fileOf(path: string): URL {
  return new URL(path, ROOT);
}

/** The titles of the built-in tasks, without their code. */
function renderTitles(): string {
  const lines = Array.from(BUILT_IN_TASKS.values(), ({ name, title }) => `  ${name}: '${title}',\n`);
  return `/** The titles of the built-in tasks. Made by "npm run generate" from the tasks: change a title in the file of its task. */
export const TITLES: Readonly<Record<string, string>> = {
${lines.join('')}};
`;
}

/** Paths from the root of the checkout. */
export const PAGES: ReadonlyMap<string, () => string> = new Map([
  ['engine/tasks/title-table.ts', renderTitles],
  ['docs/reference/configuration.md', renderReference],
  ['packaging/man/recovery-agent.8', () => renderManual(readFileSync(fileOf('packaging/man/template.8'), 'utf8'))],
]);
