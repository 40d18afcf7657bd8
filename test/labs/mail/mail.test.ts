/** Mails of tasks to a mail server of another make: Debian's aiosmtpd. */
import { beforeAll, describe, expect, test } from 'vitest';
import { bodyOf, headers } from '../../world/post-office.ts';
import { TaskWorld } from '../../world/task-world.ts';
import { installPackages } from './install.ts';
import { CA_FILE, MailServer, type ServerTls } from './server.ts';

beforeAll(installPackages);

const task = (server: MailServer, ...lines: string[]) => [
  '[note]',
  'driver = mail',
  'from = Störungsdienst <agent@example.com>',
  'smtp_host = 127.0.0.1',
  `smtp_port = ${server.port}`,
  ...lines,
];
const instance = (uuid: string, user: string) => ({ uuid, name: `vm-${uuid}`, user_id: user, project_id: 'p' });

describe('a real mail server', () => {
  test.for([
    ['none', 'none'],
    ['none', 'starttls'],
    ['starttls', 'starttls'],
    ['starttls', 'required'],
    ['tls', 'tls'],
  ] as const)(
    'with TLS "%s" takes a mail of smtp_tls = %s',
    async ([serverTls, taskTls]: readonly [ServerTls, string]) => {
      await using server = await MailServer.start(serverTls);
      await using world = await TaskWorld.start();
      const lines = ['to = a@example.com', `smtp_tls = ${taskTls}`, `smtp_ca_file = ${CA_FILE}`];
      const { outcome, steps } = await world.run(
        task(server, ...lines, 'subject = Störung', 'body = Größe\n  .\n  Ende'),
      );
      expect(outcome).toMatchObject({ end: 'success' });
      expect(JSON.parse(steps[0]?.detail ?? '')).toMatchObject({ answer: expect.stringMatching(/^250 /) });
      const [mail = '', ...more] = server.mails();
      expect(more).toEqual([]);
      expect(headers(mail, 'Subject')).toEqual(['Störung']);
      expect(headers(mail, 'From')).toEqual(['Störungsdienst <agent@example.com>']);
      expect(headers(mail, 'Auto-Submitted')).toEqual(['auto-generated']);
      expect(headers(mail, 'X-RcptTo')).toEqual(['a@example.com']);
      expect(bodyOf(mail)).toBe('Größe\n.\nEnde\n');
    },
  );

  test.for([
    ['none', 'required'],
    ['starttls', 'none'],
  ] as const)('with TLS "%s" gets nothing of smtp_tls = %s', async ([serverTls, taskTls]) => {
    await using server = await MailServer.start(serverTls);
    await using world = await TaskWorld.start();
    const lines = ['to = a@example.com', `smtp_tls = ${taskTls}`, `smtp_ca_file = ${CA_FILE}`];
    const { outcome } = await world.run(task(server, ...lines));
    expect(outcome).toMatchObject({ end: 'failure', cause: 'work' });
    expect(server.mails()).toEqual([]);
  });

  test('gets one mail for each of fifty owners, though the task is run twice', async () => {
    await using server = await MailServer.start('none');
    await using world = await TaskWorld.start();
    const instances = Array.from({ length: 150 }, (_, index) => instance(`${index}`, `user-${index % 50}`));
    for (let user = 0; user < 50; user++) world.cloud.userAddresses.set(`user-${user}`, `user-${user}@example.com`);
    for (let time = 0; time < 2; time++) {
      const { outcome } = await world.run(task(server, 'to = owners', 'requires = instances'), { instances });
      expect(outcome).toMatchObject({ end: 'success' });
    }
    const mails = server.mails();
    expect(mails).toHaveLength(50);
    expect(new Set(mails.map((mail) => headers(mail, 'Message-ID')[0])).size).toBe(50);
    const own = mails.find((mail) => headers(mail, 'To')[0] === 'user-7@example.com') ?? '';
    expect(bodyOf(own)).toMatch(/vm-7 +7\nvm-57 +57\nvm-107 +107\n/);
  });
});
