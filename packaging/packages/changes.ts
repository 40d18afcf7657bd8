/** CHANGELOG.md as the two packaging systems want to read it. */

/** The points of one version. Throws when the changelog does not know it: it is not released, then. */
export function changesOf(version: string, changelog: string): string[] {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.split(/\s/, 1)[0] === version);
  if (section === undefined) throw new Error(`CHANGELOG.md has no section "## ${version}"`);
  return section
    .split(/^- /m)
    .slice(1)
    .map((point) => (point.split('\n\n', 1)[0] ?? '').replaceAll(/\s+/g, ' ').trim());
}

/** Breaks at blanks. */
export function wrap(text: string, width: number, indent: string): string {
  let line = '';
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].join(`\n${indent}`);
}
