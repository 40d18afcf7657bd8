/** `recovery-agent audit`: who reported, commanded and was refused what. */

import { type Command, ENGINE_OPTIONS, JSON_OPTION, limitIn } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { auditTable } from '../output/audit-table.ts';
import { print, printJson } from '../output/output.ts';
import { readRecords } from '../records.ts';
import { readSince } from '../since.ts';

const DEFAULT_LIMIT = 100;

export const audit: Command = {
  name: 'audit',
  summary: 'Lists who reported, commanded and was refused what, newest last',
  positionals: '',
  options: {
    since: {
      type: 'string',
      value: 'TIME',
      help: 'only from then on: a duration before now (90s, 15m, 2h, 7d, 2w) or a time (ISO 8601, UTC)',
    },
    limit: { type: 'string', value: 'N', help: `at most so many of the newest (default: ${DEFAULT_LIMIT})` },
    ...JSON_OPTION,
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 0,
  async run(line) {
    const limit = limitIn(line, DEFAULT_LIMIT);
    const since = line.text('since');
    const filter = { limit, ...(since === undefined ? {} : { since: readSince(since, Date.now()) }) };
    const entries = await (await readRecords(line)).audit(filter);
    if (line.has('json')) printJson(entries);
    else if (entries.length === 0) print('There are no entries.');
    else print(auditTable(entries, 'any'));
    return EXIT.ok;
  },
};
