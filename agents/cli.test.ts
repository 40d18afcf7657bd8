import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EngineWorld, LAUNCHER, Program } from '#test/world/engine-world.ts';

const COMMANDS = [
  'engine',
  'notify',
  'list',
  'status',
  'show',
  'retry',
  'host',
  'audit',
  'validate',
  'simulate',
  'monitor',
  'key',
];
const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

function shell(script: string, ...argv: string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile('sh', ['-c', script, LAUNCHER, ...argv], { timeout: 20_000 }, (_, stdout, stderr) =>
      resolve({ stdout, stderr }),
    );
  });
}

describe('the program', () => {
  it('prints its version', async () => {
    for (const argv of [['--version'], ['-V']]) {
      expect(await new Program(argv).ended).toMatchObject({
        code: 0,
        stdout: `recovery-agent ${VERSION} (checkout, Node ${process.version})\n`,
        stderr: '',
      });
    }
  });

  it('runs with the pinned Node from wherever it is called, through a link as npx makes it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-cli-'));
    try {
      const link = join(directory, 'recovery-agent');
      symlinkSync(LAUNCHER, link);
      const environment = { PATH: '/usr/bin:/bin' };
      const { code, stdout } = await new Program(['--version'], { cwd: directory, environment }, link).ended;
      expect([code, stdout]).toEqual([0, `recovery-agent ${VERSION} (checkout, Node ${process.version})\n`]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('lists its commands and exit codes', async () => {
    const { code, stdout } = await new Program(['--help']).ended;
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} +\\w`, 'm'));
    expect(stdout).toContain('Exit codes: 0 fine');
    expect(await new Program(['help']).ended).toMatchObject({ code: 0, stdout });
    expect(await new Program([]).ended).toMatchObject({ code: 2, stdout: '', stderr: stdout });
  });

  it.each(COMMANDS)('helps with %s', async (command) => {
    for (const argv of [
      [command, '--help'],
      [command, '-h', '--config', '/nowhere'],
    ]) {
      const { code, stdout, stderr } = await new Program(argv).ended;
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout.startsWith(`Usage: recovery-agent ${command} [OPTIONS]`)).toBe(true);
      expect(stdout).toMatch(/^ {2}-h, --help +show this help$/m);
    }
  });

  it.each([
    ['shwo', 'there is no command "shwo"; did you mean "show"?'],
    ['frobnicate', 'there is no command "frobnicate"; see "recovery-agent --help"'],
    ['__proto__', 'there is no command "__proto__"; see "recovery-agent --help"'],
    ['--frob', 'there is no command "--frob"; see "recovery-agent --help"'],
    ['e\u001b]0;x\u0007', 'there is no command "e ]0;x "; see "recovery-agent --help"'],
  ])('does not know the command %j', async (command, message) => {
    const { code, stdout, stderr } = await new Program([command]).ended;
    expect([code, stdout, stderr]).toEqual([2, '', `recovery-agent: ${message}\n`]);
  });

  it.each(COMMANDS)('names the unknown option of %s', async (command) => {
    const { code, stderr } = await new Program([command, '--frob']).ended;
    expect([code, stderr]).toEqual([
      2,
      `recovery-agent: Unknown option '--frob'; see "recovery-agent ${command} --help"\n`,
    ]);
  });
});

it.each([
  [['validate', '--jsn'], `Unknown option '--jsn'; did you mean "--json"?`],
  [['simulate', '--sed', '1'], `Unknown option '--sed'; did you mean "--seed"?`],
  [['engine', '--confg=x'], `Unknown option '--confg'; did you mean "--config"?`],
  [['list', '-x'], `Unknown option '-x'; see "recovery-agent list --help"`],
])('the option that was meant is named: %j', async ([command = '', ...argv], message) => {
  const { code, stderr } = await new Program([command, ...argv]).ended;
  expect([code, stderr]).toEqual([2, `recovery-agent: ${message}\n`]);
});

describe('what it prints', { timeout: 60_000 }, () => {
  const ignored = ['--hostname', 'c2', '--event', 'STOPPED'];

  it('has colours only where they are wanted, and tables stay in line with them', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    await here.run(['notify', ...ignored]);
    const plain = await here.run(['list']);
    expect(plain.stdout).not.toContain('\u001b');
    const coloured = await here.run(['list'], { environment: { FORCE_COLOR: '1' } });
    expect(coloured.stdout).toContain('| \u001b[33mignored\u001b[39m |');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are what is taken out
    expect(coloured.stdout.replace(/\u001b\[\d+m/g, '')).toBe(plain.stdout);
    // A terminal, which script(1) of util-linux makes; with CI set Node takes any terminal for one without colours.
    const onTerminal = `env -u CI TERM=xterm-256color script -qec "'$0' list --config '$1'" /dev/null </dev/null`;
    expect((await shell(onTerminal, here.configFile)).stdout).toContain('\u001b[33mignored\u001b[39m');
    const noColour = await shell(`NO_COLOR=1 ${onTerminal}`, here.configFile);
    expect(noColour.stdout).toContain('| ignored |');
    expect(noColour.stdout).not.toContain('\u001b[33m');
  });

  it('may be cut off by its reader, quietly and with its own exit code', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    for (let index = 0; index < 3; index += 1) await here.run(['notify', ...ignored, '--hostname', `h${index}`]);
    const cut = `{ "$0" $2 --config "$1"; echo "code $?" >&2; } | head -1`;
    expect((await shell(cut, here.configFile, 'list')).stderr).toBe('code 0\n');
    const cutAtOnce = `{ sleep 0.1; "$0" $2 --config "$1"; echo "code $?" >&2; } | true`;
    expect((await shell(cutAtOnce, here.configFile, 'list --json')).stderr).toBe('code 0\n');
    await engine.kill('SIGTERM');
    expect((await shell(cutAtOnce, here.configFile, 'status')).stderr).toBe('code 3\n');
    const allCut = `{ sleep 0.1; "$0" $2 --config "$1" 2>&1; echo "code $?" >&3; } 3>&2 | true`;
    expect((await shell(allCut, here.configFile, 'show nothing')).stderr).toBe('code 2\n');
  });

  it('fails in words when the disk is full', async () => {
    const { stdout } = await shell(`"$0" --help 2>&1 >/dev/full; echo "code $?"`);
    expect(stdout).toMatch(/^recovery-agent: standard output cannot be written: ENOSPC.*\ncode 1\n$/);
  });
});
