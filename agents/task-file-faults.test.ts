import { chmodSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EngineWorld, Program } from '#test/world/engine-world.ts';
import { ProgramBench } from '#test/world/program-bench.ts';
import { loadChecked } from './checked-configuration.ts';
import { unconfinedPrograms } from './task-file-faults.ts';

const LISTS = `
[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = main:['alert']
[alert]
driver = executable
`;

describe('programs of tasks', { timeout: 60_000 }, () => {
  it.each([
    [
      'that are not there',
      'command = /no/such/program',
      0o755,
      /:6:11: task "alert" cannot be run: \/no does not exist/,
    ],
    ['that are not executable', 'command = PROGRAM', 0o644, /:6:11: task "alert" cannot be run: .* chmod \+x \//],
    [
      'of a user who is not there',
      'command = PROGRAM\nuser = no-such-user',
      0o755,
      /:7:8: .*is to run as user "no-such-user"/,
    ],
    ['that others can change', 'command = PROGRAM', 0o777, /:6:11: task "alert" cannot be run: .* chmod go-w \//],
    ['chosen by a value', 'command = /opt/{{ host_name }}', 0o755, /has a value in the path of the program/],
    ['of a user whose name is none', 'command = PROGRAM\nuser = -h', 0o755, /takes the name of a user, or nothing/],
  ])('%s are refused by validate', async (_, options, mode, message) => {
    using bench = new ProgramBench();
    const program = bench.script('exit 0');
    chmodSync(program, mode);
    const file = bench.path('one.conf');
    writeFileSync(file, `${LISTS}${options.replace('PROGRAM', program)}\n`, { mode: 0o600 });
    const { code, stdout } = await new Program(['validate', file]).ended;
    expect([code, stdout]).toEqual([1, expect.stringMatching(message)]);
  });

  it('with a secret in clear keep an engine from its start, and nothing of it is shown', async () => {
    await using here = await EngineWorld.start({
      configuration: `${LISTS}command = /bin/true --password hunter2\n[other]\ndriver = module\nmodule = /m.js\napi_key = hunter2`,
    });
    const { code, stderr } = await here.run(['engine']);
    expect([code === 0, stderr]).toEqual([false, expect.stringMatching(/"password" resembles a secret in clear/)]);
    expect(stderr).toMatch(/"api_key" resembles a secret in clear.*write api_key = file:\/PATH/);
    expect(stderr).not.toContain('hunter2');
  });

  it('are warned of where the tools that take rights from them are missing', () => {
    using bench = new ProgramBench();
    const file = bench.path('one.conf');
    writeFileSync(file, `${LISTS}command = ${bench.script('exit 0')}\n`, { mode: 0o600 });
    const { customTasks } = loadChecked(file);
    expect(unconfinedPrograms(customTasks, [])).toEqual([]);
    expect(
      unconfinedPrograms(customTasks, ['/usr/bin/setpriv']).map(({ at, message }) => `${at.line} ${message}`),
    ).toEqual([
      '4 the program of task "alert" is started without no_new_privs, limits and supplementary groups: /usr/bin/setpriv cannot be used; install util-linux',
    ]);
  });

  it('do not keep an engine from its start: it warns of them', async () => {
    await using here = await EngineWorld.start({ configuration: `${LISTS}command = /no/such/program` });
    const engine = await here.engine();
    expect(engine.stderr).toMatch(/warning.*task "alert" cannot be run: \/no does not exist/);
  });
});

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const HOOK = 'driver = webhook\nurl = https://x.example.org/';
const MAIL = 'driver = mail\nto = a@example.org\nfrom = b@example.org\nsmtp_tls = required\nsmtp_user = u';

describe('files of secrets and authorities that tasks name', { timeout: 60_000 }, () => {
  async function validate(
    lines: string,
    content?: string,
    mode = 0o640,
  ): Promise<{ code: number | null; stdout: string }> {
    using bench = new ProgramBench();
    const secret = bench.path('secret');
    if (content !== undefined) writeFileSync(secret, content);
    if (content !== undefined) chmodSync(secret, mode);
    const file = bench.path('one.conf');
    const text = `[taskflow_driver_recovery_flows]\nhost_auto_failure_recovery_tasks = main:['alert']\n[alert]\n${lines}\n`;
    writeFileSync(file, text.replace('SECRET', secret), { mode: 0o600 });
    const { code, stdout } = await new Program(['validate', '-q', file]).ended;
    return { code, stdout };
  }

  it.each([
    [
      'driver = webhook\nurl_file = SECRET',
      'url_file',
      /:5:12: task "alert": \/.*secret does not exist; it should hold the URL/,
    ],
    [`${HOOK}\ntoken_file = SECRET`, 'token_file', /:6:14: task "alert": .*does not exist; it should hold the token/],
    [
      `${HOOK}\nhmac_key_file = SECRET`,
      'hmac_key_file',
      /:6:17: task "alert": .*does not exist; it should hold the key/,
    ],
    [`${HOOK}\nca_file = SECRET`, 'ca_file', /:6:11: task "alert": .*does not exist; it should hold certificates/],
    [
      `${MAIL}\nsmtp_password_file = SECRET`,
      'smtp_password_file',
      /:9:22: task "alert": .*does not exist; it should hold/,
    ],
    [
      `${MAIL}\nsmtp_password_file = /dev/null\nsmtp_ca_file = SECRET`,
      'smtp_ca_file',
      /:10:16: task "alert": .*does not exist; it should hold certificates/,
    ],
    [
      `${HOOK}\nheaders = {X-Api-Key: "file:SECRET"}`,
      'headers',
      /:6:11: task "alert": .*does not exist; it should hold the secret "X-Api-Key"/,
    ],
    [
      'driver = executable\ncommand = /bin/true\napi_token = file:SECRET',
      'api_token',
      /:6:13: task "alert": .*does not exist; it should hold the secret "api_token"/,
    ],
  ])('are missed by validate at the line of the option: %j', async (lines, _, message) => {
    expect(await validate(lines)).toEqual({ code: 1, stdout: expect.stringMatching(message) });
  });

  it.each([
    [
      'that every user can read',
      `${HOOK}\ntoken_file = SECRET`,
      'plugh',
      0o644,
      /open to every user of this machine: chmod 640/,
    ],
    [
      'that every user can read, and a parameter refers to,',
      'driver = executable\ncommand = /bin/true\napi_token = file:SECRET',
      'plugh',
      0o644,
      /:6:13: .*open to every user of this machine: chmod 640/,
    ],
    [
      'that hold a URL without TLS',
      'driver = webhook\nurl_file = SECRET',
      'http://a.example/plugh',
      0o600,
      /:5:12: .*must begin with https:/,
    ],
    ['that are empty', `${HOOK}\nhmac_key_file = SECRET`, '\n', 0o600, /:6:17: .*the first line of .* is empty/],
    ['that hold no URL', 'driver = webhook\nurl_file = SECRET', 'plugh', 0o600, /:5:12: .*its URL is no http:/],
    ['that hold no certificate', `${HOOK}\nca_file = SECRET`, 'plugh', 0o644, /:6:11: .*holds no certificate in PEM/],
  ])('%s are refused, and nothing of them is shown', async (_, lines, content, mode, message) => {
    const { code, stdout } = await validate(lines, content, mode);
    expect([code, stdout]).toEqual([1, expect.stringMatching(message)]);
    expect(stdout).not.toContain('plugh');
  });

  it.each([
    [`${HOOK}\ntoken_file = SECRET`, 'plugh', 0o640],
    ['driver = webhook\nurl_file = SECRET', 'https://x.example.org/hook', 0o600],
    [`${HOOK}\nca_file = SECRET`, PEM, 0o644],
  ])('are taken: %j', async (lines, content, mode) => {
    expect(await validate(lines, content, mode)).toMatchObject({ code: 0 });
  });
});
