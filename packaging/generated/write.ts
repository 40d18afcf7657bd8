/** `npm run generate`: writes every file that is made from tables of the code. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileOf, PAGES } from './pages.ts';

for (const [path, render] of PAGES) {
  mkdirSync(new URL('.', fileOf(path)), { recursive: true });
  writeFileSync(fileOf(path), render());
}
