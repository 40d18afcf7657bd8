/** The tables of a Markdown document, by heading. */

export type Row = Readonly<Record<string, string>>;

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** The tables below a heading, up to the next heading. */
export function tablesBelow(document: string, heading: string): Table[] {
  const lines = document.split('\n');
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`the document has no heading "${heading}"`);
  const length = lines.slice(start + 1).findIndex((line) => line.startsWith('#'));
  const section = lines.slice(start + 1, length < 0 ? undefined : start + 1 + length);
  const tables: Table[] = [];
  for (const [index, line] of section.entries()) {
    if (!line.startsWith('|') || section[index - 1]?.startsWith('|')) continue;
    const columns = cellsOf(line);
    const rows: Row[] = [];
    for (const row of section.slice(index + 2)) {
      if (!row.startsWith('|')) break;
      const cells = cellsOf(row);
      rows.push(Object.fromEntries(columns.map((column, place) => [column, cells[place] ?? ''])));
    }
    tables.push({ columns, rows });
  }
  return tables;
}
