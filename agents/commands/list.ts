/** `recovery-agent list`: the notifications, newest first. */
import { NOTIFICATION_STATUSES } from '#protocol/notification-status.ts';
import type { NotificationView } from '#protocol/views.ts';
import { type Command, ENGINE_OPTIONS, JSON_OPTION, limitIn } from '../command.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { messageOf, print, printJson, shortTime, table } from '../output/output.ts';
import { readRecords } from '../records.ts';

export const list: Command = {
  name: 'list',
  summary: 'Lists notifications and their results, newest first',
  positionals: '',
  options: {
    limit: { type: 'string', value: 'N', help: 'at most so many (default: 50)' },
    status: {
      type: 'string',
      value: 'STATUS',
      values: NOTIFICATION_STATUSES,
      help: `only these: ${NOTIFICATION_STATUSES.join(', ')}`,
    },
    ...JSON_OPTION,
    ...ENGINE_OPTIONS,
  },
  maxPositionals: 0,
  async run(line) {
    const limit = limitIn(line, 50);
    const status = NOTIFICATION_STATUSES.find((word) => word === line.text('status'));
    if (line.text('status') !== undefined && !status) {
      throw new CommandFailure(EXIT.usage, `--status must be one of ${NOTIFICATION_STATUSES.join(', ')}`);
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
