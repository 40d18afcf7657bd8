import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bodyOf, CA_FILE, headers, OTHER_CA_FILE, PASSWORD, PostOffice } from '#test/world/post-office.ts';
import { TaskWorld } from '#test/world/task-world.ts';

const FROM = 'from = Recovery Agent <agent@example.com>';
const mailTo = (to: string, office: PostOffice, ...lines: string[]) => [
  '[note]',
  'driver = mail',
  `to = ${to}`,
  FROM,
  ...office.lines,
  ...lines,
];
const failure = (message: unknown, cause = 'work') => ({ end: 'failure', message, cause });
const success = expect.objectContaining({ end: 'success' });

const instance = (uuid: string, user: string, project = 'p') => ({
  uuid,
  name: `vm-${uuid}`,
  host: 'c1',
  vm_state: 'active',
  project_id: project,
  user_id: user,
  ha_enabled: true,
});
const REQUIRES = 'requires = instances, recovered_instances, failed_instances';

describe('a mail', () => {
  test('goes to each address for itself, and is a step of its own', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    const to = 'a@example.com, Bob <b@example.com>, A@Example.com';
    const { outcome, steps, outputs } = await world.run(mailTo(to, office, 'provides = mailed, unmailed'));
    expect(outcome).toEqual(success);
    expect(office.received.map(({ from, to: one }) => [from, one])).toEqual([
      ['agent@example.com', 'a@example.com'],
      ['agent@example.com', 'b@example.com'],
    ]);
    expect(outputs).toEqual({ mailed: ['a@example.com', 'b@example.com'], unmailed: [] });
    expect(steps.map(({ key, state }) => [key, state])).toEqual([
      ['task:note/a@example.com', 'done'],
      ['task:note/b@example.com', 'done'],
    ]);
    expect(JSON.parse(steps[0]?.detail ?? '')).toEqual({
      answer: '250 queued as number 1',
      message_id: headers(office.received[0]?.raw ?? '', 'Message-ID')[0],
    });
  });

  test('is marked as written by a machine, and has an id of the task, the recovery and the address', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    await world.run(mailTo('a@example.com, b@example.com', office));
    await world.run(mailTo('c@example.com', office).with(0, '[other]'));
    const { raw } = office.to('a@example.com')[0] ?? { raw: '' };
    expect(headers(raw, 'Auto-Submitted')).toEqual(['auto-generated']);
    expect(headers(raw, 'From')).toEqual(['Recovery Agent <agent@example.com>']);
    expect(headers(raw, 'To')).toEqual(['a@example.com']);
    expect(headers(raw, 'Subject')).toEqual(['Recovery of c1']);
    expect(headers(raw, 'Content-Type')).toEqual(['text/plain; charset=utf-8']);
    const ids = office.received.map((mail) => headers(mail.raw, 'Message-ID')[0]);
    expect(ids[0]).toMatch(/^<[0-9a-f]{32}@example\.com>$/);
    expect(new Set(ids).size).toBe(3);
  });

  test('has subject and text of the definition, in any language', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    const lines = ['subject = Störung: {{ what }} ✗', 'body = Zeile eins\n  .\n  Größe: {{ what }}'];
    await world.run(mailTo('a@example.com', office, ...lines), { what: 'Wärme' });
    const [{ raw } = { raw: '' }] = office.received;
    expect(headers(raw, 'Subject')).toEqual(['Störung: Wärme ✗']);
    expect(bodyOf(raw)).toBe('Zeile eins\n.\nGröße: Wärme\n');
  });

  test('without a text contains the event, to operators with hosts and reasons', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    const [one, two, three] = [instance('1', 'u'), instance('2', 'u'), instance('3', 'u')];
    await world.run(mailTo('a@example.com', office, REQUIRES), {
      instances: [one, two, three],
      recovered_instances: [{ ...one, new_host: 'c2' }],
      failed_instances: [{ ...two, reason: 'No valid host\nwas found.' }],
    });
    expect(bodyOf(office.received[0]?.raw ?? '')).toBe(
      [
        'Recovery of a failure.',
        '',
        'host_name: c1',
        '',
        'NAME  UUID  STATE',
        'vm-1  1     recovered      now on c2',
        'vm-2  2     not recovered  No valid host was found.',
        'vm-3  3     unknown',
        '',
        `Recovery ${world.uuid}`,
        '',
      ].join('\n'),
    );
  });

  test('is cut where its text is larger than anything sensible', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    await world.run(mailTo('a@example.com', office, 'body = {{ much }}'), { much: 'x'.repeat(300_000) });
    expect(bodyOf(office.received[0]?.raw ?? '')).toMatch(/^(x|\n)+\[cut here\]\n$/);
  });
});

describe('a text with line breaks in it', () => {
  const evil = 'x\r\nBcc: evil@example.com\r\n\r\nbody\u0000\u2028Cc: evil@example.com';

  test('adds no header through the subject', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    await world.run(mailTo('a@example.com', office, 'subject = {{ text }}'), { text: evil });
    const [{ raw } = { raw: '' }] = office.received;
    expect(headers(raw, 'Subject')).toEqual(['x Bcc: evil@example.com body Cc: evil@example.com']);
    expect([...headers(raw, 'Bcc'), ...headers(raw, 'Cc')]).toEqual([]);
    expect(office.received).toHaveLength(1);
  });

  test.for(['to', 'from'])('is no address, neither in "%s"', async (field) => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    for (const value of [
      `a@example.com${evil}`,
      'a@example.com>\r\nRCPT TO:<evil@example.com',
      'a b@example.com',
      '',
    ]) {
      const section = mailTo('a@example.com', office).filter((line) => !line.startsWith(`${field} = `));
      const { outcome } = await world.run([...section, `${field} = {{ value }}`], { value });
      expect(outcome).toMatchObject({ end: 'failure' });
    }
    expect(office.received).toEqual([]);
  });

  test('adds no header through the name of the sender', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    const section = mailTo('a@example.com', office).filter((line) => line !== FROM);
    await world.run([...section, 'from = {{ name }} <agent@example.com>'], { name: evil });
    const [{ raw } = { raw: '' }] = office.received;
    expect(headers(raw, 'From')).toHaveLength(1);
    expect([...headers(raw, 'Bcc'), ...headers(raw, 'Cc')]).toEqual([]);
  });
});

describe('owners of instances', () => {
  test('get one mail each, with their own instances and nothing of hosts', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    world.cloud.userAddresses.set('alice', 'Alice@example.com').set('alice-2', 'alice@example.com');
    world.cloud.userAddresses.set('bob', 'no address');
    world.cloud.projectAddresses.set('p-bob', 'team@example.com');
    const list = [
      instance('1', 'alice'),
      instance('2', 'bob', 'p-bob'),
      instance('3', 'alice-2'),
      instance('4', 'u-none', 'p-none'),
    ];
    const { outcome, messages } = await world.run(mailTo('owners', office, REQUIRES), {
      instances: list,
      recovered_instances: [{ ...list[0], new_host: 'c2' }],
      failed_instances: [{ ...list[2], reason: 'No valid host was found.' }],
    });
    expect(outcome).toEqual(success);
    expect(office.received.map(({ to }) => to).sort()).toEqual(['Alice@example.com', 'team@example.com']);
    const text = bodyOf(office.to('Alice@example.com')[0]?.raw ?? '');
    expect(text).toContain('NAME  UUID  STATE\nvm-1  1     recovered\nvm-3  3     not recovered\n');
    expect(text).not.toMatch(/vm-2|\bc[12]\b|No valid/);
    expect(messages).toContain(
      'No mail about instance 4 (vm-4): user u-none and project p-none have no address, or none that mail may go to',
    );
  });

  test('who name a local user, a program or a list get nothing, and their names control no terminal', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    const evil = [
      'root@localhost',
      `root@${hostname()}`,
      '|/bin/sh@example.com',
      'a%b@example.com',
      'x@example.com, y@example.com',
      '"|id"@example.com',
      '@relay.example.com:z@example.com',
      'v@example.com>\r\nRCPT TO:<w@example.com',
    ];
    for (const [index, address] of evil.entries()) world.cloud.userAddresses.set(`evil-${index}`, address);
    world.cloud.userAddresses.set('alice', 'alice@example.com');
    const named = { ...instance('0', 'alice'), name: 'web\u001b]0;owned\u0007\u202e\r\nBcc: x@example.com' };
    const section = mailTo('owners', office, REQUIRES, 'body = Of {{ instances.0.name }}');
    const { outcome, messages } = await world.run(section, {
      instances: [named, ...evil.map((_, index) => instance(`${index + 1}`, `evil-${index}`, 'p-none'))],
      recovered_instances: [],
      failed_instances: [],
    });
    expect(outcome).toEqual(success);
    expect(office.received.map(({ to }) => to)).toEqual(['alice@example.com']);
    expect(bodyOf(office.received[0]?.raw ?? '').replaceAll(/\r?\n/g, '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(messages.filter((message) => message.includes('none that mail may go to'))).toHaveLength(evil.length);
    expect(messages.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test('read the text of the definition above their table', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    world.cloud.userAddresses.set('alice', 'alice@example.com');
    const section = mailTo('owners', office, 'requires = instances', 'body = Dear customer');
    await world.run(section, { instances: [instance('1', 'alice')] });
    expect(bodyOf(office.received[0]?.raw ?? '')).toBe('Dear customer\n\nNAME  UUID\nvm-1  1\n');
  });

  test('are fifty, over one connection, each read once', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    const instances = Array.from({ length: 150 }, (_, index) => instance(`${index}`, `user-${index % 50}`));
    for (let user = 0; user < 50; user++) world.cloud.userAddresses.set(`user-${user}`, `user-${user}@example.com`);
    const { outcome, steps } = await world.run(mailTo('owners', office, 'requires = instances'), { instances });
    expect(outcome).toEqual(success);
    expect(new Set(office.received.map(({ to }) => to)).size).toBe(50);
    expect(office.received).toHaveLength(50);
    expect(new Set(office.received.map(({ session }) => session)).size).toBe(1);
    expect(steps.filter(({ state }) => state === 'done')).toHaveLength(51);
  });

  test('stay those that they were when the first mail was sent, with any state of the cloud after a take-over', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    world.cloud.userAddresses.set('alice', 'alice@example.com').set('bob', 'bob@example.com');
    office.on('bob@example.com', { at: 'text', silent: true });
    const section = mailTo('owners', office, 'requires = instances');
    office.onMail = ({ to }) => {
      if (to === 'bob@example.com') world.interrupt();
    };
    const run = world.run(section, { instances: [instance('1', 'alice'), instance('2', 'bob')] });
    expect((await run).outcome).toBe('interrupted');
    office.onMail = () => {};
    world.cloud.userAddresses.set('alice', 'new@example.com').set('bob', 'new@example.com');
    expect((await world.resume()).outcome).toEqual(success);
    expect(office.received.map(({ to }) => to)).toEqual(['alice@example.com', 'bob@example.com', 'bob@example.com']);
  });
});

describe('TLS', () => {
  const CASES = [
    ['demanded of a server that has it', 'required', {}, CA_FILE, 'encrypted'],
    ['demanded of a server that has it not', 'required', { disabledCommands: ['STARTTLS'] }, CA_FILE, 'refused'],
    ['demanded of a server without a trusted certificate', 'required', {}, OTHER_CA_FILE, 'refused'],
    ['from the start', 'tls', { secure: true }, CA_FILE, 'encrypted'],
    ['from the start with a server without a trusted certificate', 'tls', { secure: true }, '', 'refused'],
    ['where the server offers it', 'starttls', {}, '', 'encrypted'],
    ['where the server offers it, by an authority that did not sign it', 'starttls', {}, OTHER_CA_FILE, 'refused'],
    ['where the server does not offer it', 'starttls', { disabledCommands: ['STARTTLS'] }, '', 'clear'],
    ['not wanted', 'none', {}, '', 'clear'],
  ] as const;

  test.for(CASES)('%s', async ([, mode, options, caFile, end]) => {
    await using office = await PostOffice.start({ ...options } as object);
    await using world = await TaskWorld.start();
    const { outcome } = await world.run(
      mailTo('a@example.com', office, `smtp_tls = ${mode}`, `smtp_ca_file = ${caFile}`),
    );
    if (end === 'refused') {
      const where = `note: the mail server 127.0.0.1:${office.port} cannot be used: `;
      expect(outcome).toEqual(failure(expect.stringContaining(where)));
      expect(office.received).toEqual([]);
    } else {
      expect(outcome).toEqual(success);
      expect(office.received.map(({ isEncrypted }) => isEncrypted)).toEqual([end === 'encrypted']);
    }
  });
});

describe('a login', () => {
  async function run(password: string, mode = 0o600) {
    const office = await PostOffice.start({ authOptional: false });
    await using world = await TaskWorld.start();
    const file = join(world.directory, 'password');
    writeFileSync(file, `${password}\n`, { mode });
    const login = [
      'smtp_user = agent',
      `smtp_password_file = ${file}`,
      'smtp_tls = required',
      `smtp_ca_file = ${CA_FILE}`,
    ];
    const ran = await world.run(mailTo('a@example.com', office, ...login));
    await office[Symbol.asyncDispose]();
    return { ...ran, received: office.received };
  }

  test('is done with the password of the file', async () => {
    const { outcome, received } = await run(PASSWORD);
    expect(outcome).toEqual(success);
    expect(received.map(({ user }) => user)).toEqual(['agent']);
  });

  test('that fails ends the task, and no message holds the password', async () => {
    const ran = await run('open sesame');
    expect(ran.outcome).toEqual(
      failure(expect.stringMatching(/cannot be used: .*535 no such login; 0 of 1 mails were sent$/)),
    );
    expect(JSON.stringify(ran)).not.toContain('sesame');
  });

  test('with a file open to every user is not even tried', async () => {
    const { outcome } = await run(PASSWORD, 0o644);
    expect(outcome).toEqual(failure(expect.stringContaining('is open to every user of this machine: chmod 640')));
  });
});

describe('a server', () => {
  test.for(['recipient', 'text'] as const)(
    'that responds "later" to a %s gets it again, after the others',
    async (at) => {
      await using office = await PostOffice.start();
      await using world = await TaskWorld.start();
      office.on('a@example.com', { at, code: 451 });
      const section = mailTo('a@example.com, b@example.com', office, 'after_crash = once');
      const { outcome, messages } = await world.run(section);
      expect(outcome).toEqual(success);
      expect(office.received.map(({ to }) => to)).toEqual(['b@example.com', 'a@example.com']);
      expect(messages).toContainEqual(expect.stringMatching(/^1 mails wait for the server, retry in 1 s: .*451/));
    },
  );

  test('that greets with "later" gets another connection', async () => {
    let greetings = 0;
    await using office = await PostOffice.start({
      onConnect: (_, done) => {
        greetings += 1;
        done(greetings === 1 ? Object.assign(new Error('busy'), { responseCode: 421 }) : null);
      },
    });
    await using world = await TaskWorld.start();
    expect((await world.run(mailTo('a@example.com', office))).outcome).toEqual(success);
    expect(greetings).toBe(2);
  });

  test('that responds "later" for longer than the task may take makes it fail, and the others are sent', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    office.on('a@example.com', ...Array(20).fill({ at: 'recipient', code: 450 }));
    const section = mailTo('a@example.com, b@example.com', office, 'timeout = 8');
    const { outcome, steps, messages } = await world.run(section);
    expect(outcome).toEqual(failure('note: timed out after 8 s'));
    expect(steps.map(({ state }) => state)).toEqual(['failed', 'done']);
    expect(messages).toContainEqual(expect.stringMatching(/^1 mails wait for the server.*450/));
  });

  test.for(['recipient', 'text'] as const)('that refuses a %s fails that mail, and the task in the end', async (at) => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    office.on('b@example.com', { at, code: 550 });
    const section = mailTo('a@example.com, b@example.com, c@example.com', office, 'provides = mailed, unmailed');
    const { outcome, outputs } = await world.run(section);
    expect(outcome).toEqual(
      failure(expect.stringMatching(/^note: these mails were not accepted: b@example\.com \(.*550.*\)$/)),
    );
    expect(office.received.map(({ to }) => to)).toEqual(['a@example.com', 'c@example.com']);
    expect(outputs).toEqual({ mailed: ['a@example.com', 'c@example.com'], unmailed: ['b@example.com'] });
    // Only that mail is retried.
    expect((await world.run(section)).outcome).toEqual(success);
    expect(office.received.map(({ to }) => to)).toEqual(['a@example.com', 'c@example.com', 'b@example.com']);
  });

  test('that is not there fails the task at once', async () => {
    await using world = await TaskWorld.start();
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await new Promise((done) => server.close(done));
    const lines = [
      '[note]',
      'driver = mail',
      'to = a@example.com',
      FROM,
      'smtp_host = 127.0.0.1',
      `smtp_port = ${port}`,
    ];
    const { outcome, steps } = await world.run([...lines, 'after_crash = once']);
    expect(outcome).toEqual(failure(expect.stringContaining('ECONNREFUSED')));
    expect(steps.map(({ state }) => state)).toEqual(['planned']);
  });

  test('that breaks off before the text has not got it, so it is sent again also if it must be sent once', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    office.on('a@example.com', { at: 'recipient', breaks: 'lost' });
    expect((await world.run(mailTo('a@example.com', office, 'after_crash = once'))).outcome).toEqual(success);
    expect(office.received).toHaveLength(1);
  });
});

describe('an answer that is lost after the text', () => {
  const lost = [{ at: 'text', breaks: 'taken' }] as const;

  test('leaves a mail of "once" in doubt, and the others are sent', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    office.on('a@example.com', ...lost);
    const section = mailTo('a@example.com, b@example.com', office, 'after_crash = once', 'retries = 2');
    const { outcome, steps } = await world.run(section);
    const why = 'note: delivery of these mails is unknown, and they are not sent again: a@example.com (';
    expect(outcome).toEqual(failure(expect.stringContaining(why), 'doubt'));
    expect(steps.map(({ state }) => state)).toEqual(['unknown', 'done']);
    expect((await world.run(section)).outcome).toEqual(failure(expect.stringContaining(why), 'doubt'));
    expect(office.received.map(({ to }) => to)).toEqual(['a@example.com', 'b@example.com']);
  });

  test('has one of "idempotent" sent again with the same id', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    office.on('a@example.com', ...lost);
    const { outcome, steps } = await world.run(mailTo('a@example.com', office));
    expect(outcome).toEqual(success);
    expect(steps.map(({ state }) => state)).toEqual(['done']);
    expect(office.received).toHaveLength(2);
    expect(new Set(office.received.map(({ raw }) => headers(raw, 'Message-ID')[0])).size).toBe(1);
  });

  test('because the time of the task is up leaves a mail of "once" in doubt', async () => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    office.on('a@example.com', { at: 'text', silent: true });
    const section = mailTo(
      'a@example.com',
      office,
      'after_crash = once',
      'timeout = 8',
      'retries = 1',
      'retry_delay = 0',
    );
    const { outcome, steps } = await world.run(section);
    expect(outcome).toEqual(failure(expect.stringContaining('delivery of these mails is unknown'), 'doubt'));
    expect(steps.map(({ state }) => state)).toEqual(['unknown']);
    expect(office.received).toHaveLength(1);
  });

  test.for([
    ['once', failure(expect.stringContaining('delivery of these mails is unknown'), 'doubt'), 1],
    ['idempotent', success, 2],
  ] as const)('because the engine stops: a mail of "%s"', async ([afterCrash, end, mails]) => {
    await using office = await PostOffice.start();
    await using world = await TaskWorld.start();
    office.on('b@example.com', { at: 'text', silent: true });
    office.onMail = ({ to }) => {
      if (to === 'b@example.com') world.interrupt();
    };
    const to = 'a@example.com, b@example.com, c@example.com';
    const { outcome, steps } = await world.run(mailTo(to, office, `after_crash = ${afterCrash}`));
    expect(outcome).toBe('interrupted');
    expect(steps.map(({ state }) => state)).toEqual(['done', 'intent', 'planned']);
    office.onMail = () => {};
    expect((await world.resume()).outcome).toEqual(end);
    const counts = ['a', 'b', 'c'].map((name) => office.to(`${name}@example.com`).length);
    expect(counts).toEqual([1, mails, 1]);
  });
});

test('what was sent in one flow of a recovery is not sent in another', async () => {
  await using office = await PostOffice.start();
  await using world = await TaskWorld.start();
  for (const afterCrash of ['idempotent', 'once']) {
    const section = mailTo('a@example.com', office, `after_crash = ${afterCrash}`);
    expect((await world.run(section)).outcome).toEqual(success);
  }
  expect(office.received).toHaveLength(1);
});
