/** `recovery-agent list`: the notifications, newest first. */
import type { NotificationView } from '#protocol/views.ts';
import { type Command, JSON_OPTION, SOCKET_OPTION } from '../command.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { messageOf, print, printJson, shortTime, table } from '../output.ts';
import { readRecords } from '../records.ts';

const STATUSES = ['new', 'running', 'error', 'failed', 'ignored', 'finished'] as const;

export const list: Command = {
  name: 'list',
  summary: 'Lists notifications and what became of them, newest first',
  positionals: '',
  options: {
    limit: { type: 'string', value: 'N', help: 'at most so many (default: 50)' },
    status: { type: 'string', value: 'STATUS', help: `only these: ${STATUSES.join(', ')}` },
    ...JSON_OPTION,
    ...SOCKET_OPTION,
  },
  maxPositionals: 0,
  async run(line) {
    const limit = Number(line.text('limit') ?? 50);
    if (!Number.isInteger(limit) || limit < 1 || limit > 10_000) {
      throw new CommandFailure(EXIT.usage, '--limit must be a whole number from 1 to 10000');
    }
    const status = STATUSES.find((word) => word === line.text('status'));
    if (line.text('status') !== undefined && !status) {
      throw new CommandFailure(EXIT.usage, `--status must be one of ${STATUSES.join(', ')}`);
    }
    const rows: readonly NotificationView[] = await (await readRecords(line)).list({
      limit,
      ...(status ? { status } : {}),
    });
    if (line.has('json')) printJson(rows);
    else if (rows.length === 0) print('There are no notifications.');
    else {
      const head = ['Notification', 'Type', 'Host', 'Status', 'Generated', 'Message'];
      print(
        table(
          head,
          rows.map((row) => [
            row.notification_uuid,
            row.type,
            row.hostname,
            { state: row.status },
            shortTime(row.generated_time),
            messageOf(row),
          ]),
        ),
      );
    }
    return EXIT.ok;
  },
};
