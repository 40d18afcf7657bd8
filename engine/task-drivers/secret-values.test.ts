/** Secrets that a definition refers to reach the program or the server, and nothing that stays. */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ProgramBench } from '#test/world/program-bench.ts';
import { TaskWorld } from '#test/world/task-world.ts';

const SECRET = 's3cr"et/§4711';
/** As it may be written: in JSON and in a URL as well. */
const SPELLINGS = [SECRET, JSON.stringify(SECRET).slice(1, -1), encodeURIComponent(SECRET), '§4711'];

function secretFile(bench: ProgramBench, secret = SECRET): string {
  const file = bench.path('token');
  writeFileSync(file, `${secret}\nsecond line\n`, { mode: 0o600 });
  return file;
}

/** Everything that a run leaves: the journal with its copies, progress, outputs, log. */
function left(world: TaskWorld, run: object): string {
  const journal = readdirSync(world.directory).map((name) => readFileSync(join(world.directory, name), 'utf8'));
  return [...journal, ...world.logged, JSON.stringify(run)].join('\n');
}

/** Prints what it was given everywhere it can. */
const LEAKY = `let text = ''; process.stdin.on('data', (more) => { text += more; }).on('end', () => {
  const { api_token: token } = JSON.parse(text).parameters;
  require('node:fs').writeFileSync(process.argv[1] + '.got', token);
  console.error('log: ' + token);
  console.log(JSON.stringify({ progress: 0.5, message: 'using ' + token }));
  console.log('garbage ' + token);
  console.log(JSON.stringify({ outputs: { ticket: { url: 'https://x/?t=' + encodeURIComponent(token), list: [token] } } }));
  process.exit(Number(process.argv[2]));
});`;

describe('a program with a secret of its own', () => {
  it.each(['0', '3'])(
    'gets it on standard input and leaves it nowhere, with any output, with exit code %s',
    async (code) => {
      using bench = new ProgramBench();
      await using world = await TaskWorld.start();
      const program = bench.node(LEAKY);
      const section = [
        '[hook]',
        'driver = executable',
        `command = ${program} ${code}`,
        'provides = ticket',
        `api_token = file:${secretFile(bench)}`,
      ];
      const run = await world.run(section);
      expect(readFileSync(bench.path('task.cjs.got'), 'utf8')).toBe(SECRET);
      expect(run.outcome).toMatchObject({ end: code === '0' ? 'success' : 'failure' });
      expect(run.messages).toContain('using ***');
      expect(world.logged.join('\n')).toContain('log: ***');
      if (code === '0') expect(run.outputs.ticket).toEqual({ url: 'https://x/?t=***', list: ['***'] });
      const all = left(world, run);
      for (const spelling of SPELLINGS) expect(all).not.toContain(spelling);
      expect(all).toContain(`file:${bench.path('token')}`);
    },
  );

  it('gets it from a variable of the engine', async () => {
    using bench = new ProgramBench();
    await using world = await TaskWorld.start();
    process.env.TEST_API_TOKEN = SECRET;
    onTestFinished(() => void delete process.env.TEST_API_TOKEN);
    const section = [
      '[hook]',
      'driver = executable',
      `command = ${bench.node(LEAKY)} 0`,
      'api_token = env:TEST_API_TOKEN',
    ];
    expect((await world.run(section)).outcome).toMatchObject({ end: 'success' });
    expect(readFileSync(bench.path('task.cjs.got'), 'utf8')).toBe(SECRET);
  });

  it.each([
    ['is open to all', 0o644, 'chmod 640'],
    ['is not there', undefined, 'does not exist'],
  ])('is not started when the file %s', async (_, mode, message) => {
    using bench = new ProgramBench();
    await using world = await TaskWorld.start();
    const file = mode === undefined ? bench.path('missing') : secretFile(bench);
    if (mode !== undefined) chmodSync(file, mode);
    const run = await world.run([
      '[hook]',
      'driver = executable',
      `command = ${bench.node(LEAKY)} 0`,
      `api_token = file:${file}`,
    ]);
    expect(run.outcome).toMatchObject({ end: 'failure', message: expect.stringContaining(message) });
    expect(readdirSync(bench.directory)).not.toContain('task.cjs.got');
  });

  it('does not take a value for a reference', async () => {
    using bench = new ProgramBench();
    await using world = await TaskWorld.start();
    const section = ['[hook]', 'driver = executable', `command = ${bench.node(LEAKY)} 0`, 'api_token = {{ given }}'];
    const given = `file:${secretFile(bench)}`;
    expect((await world.run(section, { given })).outcome).toMatchObject({ end: 'success' });
    expect(readFileSync(bench.path('task.cjs.got'), 'utf8')).toBe(given);
  });
});

it('a webhook sends it in a header and in its body, and an answer that repeats it is not kept', async () => {
  using bench = new ProgramBench();
  await using world = await TaskWorld.start();
  const got: { header: string | string[] | undefined; body: string }[] = [];
  const server = createServer(async (request, response) => {
    got.push({ header: request.headers['x-api-key'], body: await text(request) });
    response.writeHead(400, { 'Content-Type': 'text/plain' }).end(`no good: ${got.at(-1)?.body}`);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((listening) => server.once('listening', listening));
  const file = secretFile(bench, 'plain-secret-4711');
  const run = await world.run([
    '[hook]',
    'driver = webhook',
    `url = http://127.0.0.1:${(server.address() as AddressInfo).port}/x`,
    `headers = {X-Api-Key: "file:${file}"}`,
    `body = {host: "{{ host_name }}", login: {password: "file:${file}"}}`,
  ]);
  expect(got[0]).toEqual({
    header: 'plain-secret-4711',
    body: '{"host":"c1","login":{"password":"plain-secret-4711"}}',
  });
  expect(run.outcome).toMatchObject({ end: 'failure' });
  expect(left(world, run)).not.toContain('plain-secret');
});
