import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isAlive, ProgramBench, until } from '#test/world/program-bench.ts';
import { IgnoreRecovery, InDoubt, Interrupted, NotDone, SkipRecovery, TaskFailure } from '../../flow/outcome.ts';
import { executable } from './driver.ts';

const isRoot = process.geteuid?.() === 0;

/** What a promise is rejected with. */
async function thrown(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const check = async (call: Parameters<typeof executable.run>[0]) => executable.check?.(call);

describe('the input of a program is', () => {
  it('one JSON object on stdin and its words as arguments, and no shell sees them', async () => {
    using bench = new ProgramBench();
    const program = bench.node(
      `let text = ''; process.stdin.on('data', (more) => { text += more; }).on('end', () => {
        console.log(JSON.stringify({ outputs: { input: JSON.parse(text), argv: process.argv.slice(2) } }));
      });`,
    );
    const words = ['--level', 'a b', '$(id)', "it's", '', '; rm -rf /', '*'];
    const call = bench.call([program, ...words], {
      provides: ['input', 'argv'],
      inputs: { host_name: 'c1', recovered_instances: [{ name: 'web' }] },
      parameters: { severity: 'critical', count: 3 },
      isResumed: true,
    });
    expect(await executable.run(call)).toEqual({
      argv: words,
      input: {
        version: 1,
        call: 'run',
        task: 'alert',
        occurrence: 1,
        phase: 'post',
        step_key: call.stepKey,
        attempt: 1,
        resumed: true,
        inputs: { host_name: 'c1', recovered_instances: [{ name: 'web' }] },
        parameters: { severity: 'critical', count: 3 },
        outputs: {},
      },
    });
  });

  it.each(['check', 'undo'] as const)('which call it is: %s', async (request) => {
    using bench = new ProgramBench();
    const program = bench.script('cat > $HERE/stdin; exit 0');
    await (request === 'check' ? check(bench.call([program])) : executable.undo?.(bench.call([program])));
    expect(JSON.parse(readFileSync(bench.path('stdin'), 'utf8'))).toMatchObject({ version: 1, call: request });
  });

  it('its own outputs, when it is to undo them', async () => {
    using bench = new ProgramBench();
    const program = bench.script('cat > $HERE/stdin; exit 0');
    await executable.undo?.({ ...bench.call([program]), outputs: { ticket: 'T-1' } });
    expect(JSON.parse(readFileSync(bench.path('stdin'), 'utf8'))).toMatchObject({ outputs: { ticket: 'T-1' } });
  });

  it('nothing of the engine: a clean environment, /, umask 077, three streams', async () => {
    using bench = new ProgramBench();
    const leak = openSync(bench.directory, 'r');
    process.env.RECOVERY_AGENT_TEST_SECRET = 'tops3cret';
    onTestFinished(() => {
      delete process.env.RECOVERY_AGENT_TEST_SECRET;
    });
    const program = bench.script('umask > $HERE/umask; pwd > $HERE/cwd; exec env -0 > $HERE/env');
    const before = process.umask();
    const call = bench.call([program]);
    await executable.run(call);
    expect(process.umask()).toBe(before);
    const {
      RECOVERY_AGENT_RUN,
      PWD: _,
      OLDPWD: __,
      SHLVL: ___,
      _: ____,
      ...environment
    } = Object.fromEntries(
      readFileSync(bench.path('env'), 'utf8')
        .split('\0')
        .filter(Boolean)
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
    expect(environment).toEqual({
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'C.UTF-8',
      HOME: userInfo().homedir,
      RECOVERY_AGENT_STEP_KEY: call.stepKey,
      RECOVERY_AGENT_TASK: 'alert',
    });
    expect(RECOVERY_AGENT_RUN).toMatch(/^[0-9a-f-]{36}$/);
    expect([readFileSync(bench.path('umask'), 'utf8').trim(), readFileSync(bench.path('cwd'), 'utf8')]).toEqual([
      '0077',
      '/\n',
    ]);
    await executable.run(bench.call([bench.script('exec ls -l /proc/self/fd > $HERE/fds', 'list')]));
    const targets = readFileSync(bench.path('fds'), 'utf8')
      .split('\n')
      .flatMap((line) => /(\d+) -> (.*)$/.exec(line)?.slice(1, 3).join(' ') ?? [])
      .filter((line) => !/^[012] /.test(line));
    // Beside the streams `ls` has open what it lists.
    expect(targets.filter((line) => !line.endsWith('/dev/null'))).toEqual([
      expect.stringMatching(/^3 \/proc\/\d+\/fd$/),
    ]);
    expect(leak).toBeGreaterThan(2);
  });

  it('no way to further rights, no core dump, and bounds', async () => {
    using bench = new ProgramBench();
    const program = bench.script('cat /proc/self/status > $HERE/status; cat /proc/self/limits > $HERE/limits');
    const flagOf = async (options: Record<string, boolean>) => {
      await executable.run(bench.call([program], { options }));
      return /^NoNewPrivs:\t(\d)$/m.exec(readFileSync(bench.path('status'), 'utf8'))?.[1];
    };
    expect(await flagOf({ no_new_privileges: false })).toBe('0');
    expect(await flagOf({})).toBe('1');
    const limits = readFileSync(bench.path('limits'), 'utf8').replaceAll(/ +/g, ' ');
    expect(limits).toContain('Max core file size 0 0 bytes');
    expect(limits).toMatch(/Max open files (\d{1,3}|[1-3]\d{3}|40\d\d) /);
    expect(limits).toMatch(/Max processes \d{1,4} /);
  });

  it('nothing either of what the engine itself has inherited', async () => {
    using bench = new ProgramBench();
    const program = bench.script('readlink /proc/$$/fd/40 > $HERE/fd');
    const driver = new URL('./run-program.ts', import.meta.url).href;
    const engine = `import { runProgram } from '${driver}';
      const account = { uid: 0, gid: 0, home: '/', change: 'none' };
      const rights = { groups: 'none', newPrivileges: 'none' };
      const start = { argv: ['${program}'], account, rights, variables: {}, stdin: '', onStdout() {}, onStderr() {}, onNoScope() {} };
      await runProgram({ ...start, signal: new AbortController().signal });`;
    const secret = openSync(bench.path('secret'), 'w');
    const stdio = Array.from({ length: 41 }, (_, index) => (index === 40 ? secret : ('ignore' as const)));
    const child = spawn(process.execPath, ['--input-type=module', '-e', engine], { stdio });
    await new Promise((resolve) => child.once('exit', resolve));
    expect(await bench.written('fd')).toBe('/dev/null');
  });

  it('more than it wants to read, and does not read it', async () => {
    using bench = new ProgramBench();
    const inputs = { huge: 'x'.repeat(5_000_000) };
    expect(await executable.run(bench.call([bench.script('exit 0')], { inputs }))).toEqual({});
    const slow = bench.script('exec 0<&-; sleep 0.2; exit 0', 'slow');
    expect(await executable.run(bench.call([slow], { inputs }))).toEqual({});
  });

  it('megabytes, and reads them all', async () => {
    using bench = new ProgramBench();
    const program = bench.script(`printf '{"outputs":{"bytes":%d}}\\n' "$(wc -c)"`);
    const { bytes } = await executable.run(
      bench.call([program], { provides: ['bytes'], inputs: { huge: 'x'.repeat(5_000_000) } }),
    );
    expect(bytes).toBeGreaterThan(5_000_000);
  });
});

describe('a program reports', () => {
  it('how far it is, and what it gives', async () => {
    using bench = new ProgramBench();
    const program = bench.script(`
      printf '%s\n' '{"progress":0.5,"message":"half\\u001b[31m\\nway"}'
      echo '{"outputs":{"ticket":7,"__proto__":{"polluted":true}}}'
      echo '{"outputs":{"ticket":8,"link":null}}'
      printf '{"progress":1,"message":"all of it"}'`);
    const outputs = await executable.run(bench.call([program], { provides: ['ticket', 'link'] }));
    expect([outputs.ticket, outputs.link]).toEqual([8, null]);
    expect(bench.progress.map(({ message, progress }) => [message, progress])).toEqual([
      ['half [31m way', 0.5],
      ['all of it', 1],
    ]);
    expect(({} as { polluted?: true }).polluted).toBeUndefined();
  });

  it('not what it promised: a failure that names what is missing', async () => {
    using bench = new ProgramBench();
    const program = bench.script(`echo '{"outputs":{"ticket":7}}'`);
    const error = await thrown(executable.run(bench.call([program], { provides: ['ticket', 'link', 'owner'] })));
    expect(error).toBeInstanceOf(TaskFailure);
    expect(String(error)).toContain('without "link", "owner", which it provides');
  });

  it.each([
    ['skip', SkipRecovery],
    ['ignore', IgnoreRecovery],
  ])('that the flow is to end: %s', async (end, kind) => {
    using bench = new ProgramBench();
    const program = bench.script(`echo '{"end":"${end}","message":"in maintenance"}'; exit $1`);
    const error = await thrown(executable.run(bench.call([program, '0'])));
    expect([error instanceof kind, (error as Error).message]).toEqual([true, 'in maintenance']);
    // What fails has no wishes.
    expect(String(await thrown(executable.run(bench.call([program, '4']))))).toContain('exit code 4');
  });

  it('garbage: it is logged, mentioned once, and no failure', async () => {
    using bench = new ProgramBench();
    const program = bench.script(`
      echo 'Sending the mail ...'; printf 'bell \\007 \\033[2J\\n'; printf '\\377\\376\\n'; echo '[1]'; echo 'null'; echo '{'; echo
      echo '{"progress":7}'; echo '{"outputs":[1]}'; echo '{"what":1}'; echo '{"end":"now"}'; echo '{"message":1}'
      echo '{"outputs":{"ticket":1}}'`);
    expect(await executable.run(bench.call([program], { provides: ['ticket'] }))).toEqual({ ticket: 1 });
    const nothing = 'a JSON object without effect';
    expect(bench.progress.map(({ message }) => message)).toEqual([
      'It printed no JSON object; the log has such lines',
      `It printed ${nothing}: "progress" takes a number from 0 to 1; the log has such lines`,
      `It printed ${nothing}: "outputs" takes an object; the log has such lines`,
      `It printed ${nothing}: it has none of "message", "progress", "outputs" and "end"; the log has such lines`,
      `It printed ${nothing}: "end" takes "skip" or "ignore"; the log has such lines`,
      `It printed ${nothing}: "message" takes a text; the log has such lines`,
    ]);
    expect(bench.logged).toHaveLength(11);
    expect(bench.logged[9]).toBe(
      `warning program of alert printed ${nothing}: "end" takes "skip" or "ignore" {"line":"{\\"end\\":\\"now\\"}"}`,
    );
    expect(bench.logged[0]).toBe('warning program of alert printed no JSON object {"line":"Sending the mail ..."}');
    expect(bench.logged.join('')).not.toMatch(/\p{Cc}/u);
  });

  it('something on stderr, which goes to the log: 200 lines and the count of the others, none of them endless', async () => {
    using bench = new ProgramBench();
    const program = bench.script(
      `i=0; while [ $i -lt 500 ]; do printf 'line %d \\033[31m\\n' $i >&2; i=$((i+1)); done; head -c 300000 /dev/zero | tr '\\0' x >&2`,
    );
    await executable.run(bench.call([program]));
    expect(bench.logged).toHaveLength(201);
    expect(bench.logged[199]).toBe('info program of alert: line 199  [31m {}');
    expect(bench.logged[200]).toBe('warning program of alert logged 301 lines more {}');
  });

  it('progress as fast as it can: a few lines of it are passed on, and the last one', async () => {
    using bench = new ProgramBench();
    const program = bench.node(
      `let n = 0; const timer = setInterval(() => {
        for (let i = 0; i < 50; i += 1) console.log(JSON.stringify({ progress: (n += 1) / 5000, message: 'line ' + n }));
        if (n === 5000) clearInterval(timer);
      }, 10);`,
    );
    await executable.run(bench.call([program]));
    expect(bench.progress.at(-1)).toMatchObject({ message: 'line 5000', progress: 1 });
    const gaps = bench.progress.slice(1, -1).map(({ at }, index) => at - (bench.progress[index]?.at ?? 0));
    // Timers of Node may be a millisecond early.
    expect(gaps.filter((gap) => gap < 245)).toEqual([]);
  });

  it('nothing any more on stdout, closes it, and is waited for all the same', async () => {
    using bench = new ProgramBench();
    const program = bench.script(`echo '{"outputs":{"ticket":1}}'; exec 1>&- 2>&-; sleep 0.3; echo end > $HERE/end`);
    expect(await executable.run(bench.call([program], { provides: ['ticket'] }))).toEqual({ ticket: 1 });
    expect(existsSync(bench.path('end'))).toBe(true);
  });
});

describe('a program ends', () => {
  it.each([
    ['exit 3', TaskFailure, 'ended with exit code 3'],
    ['exit 127', TaskFailure, 'ended with exit code 127'],
    ['kill -SEGV $$', InDoubt, 'was ended by SIGSEGV'],
    ['kill -KILL $$', InDoubt, 'was ended by SIGKILL'],
    ['exit 75', NotDone, 'reports that nothing was done (exit code 75)'],
  ])('with %s', async (body, kind, message) => {
    using bench = new ProgramBench();
    for (const request of [executable.run, executable.undo]) {
      const error = await thrown(request?.(bench.call([bench.script(body)])) ?? Promise.resolve());
      expect([error instanceof kind, String(error)]).toEqual([true, expect.stringContaining(message)]);
    }
  });

  it.each([
    [`echo '{"outputs":{"ticket":5}}'; exit 0`, { state: 'done', outputs: { ticket: 5 } }],
    ['exit 0', { state: 'unknown', reason: expect.stringContaining('not "ticket"') }],
    ['exit 75', { state: 'not done' }],
    ['exit 1', { state: 'unknown', reason: 'its program ended with exit code 1' }],
    ['kill -TERM $$', { state: 'unknown', reason: 'its program was ended by SIGTERM' }],
    [
      'head -c 70000 /dev/zero; exit 75',
      { state: 'unknown', reason: expect.stringContaining('more than 65536 bytes') },
    ],
  ])('as a check with %s', async (body, decision) => {
    using bench = new ProgramBench();
    expect(await check(bench.call([bench.script(body)], { provides: ['ticket'] }))).toEqual(decision);
  });

  it.each([
    ['a line without an end', 'exec cat /dev/zero', 'a line of more than 65536 bytes'],
    ['more bytes than 1 MiB', `exec yes '{"message":"${'x'.repeat(5000)}"}'`, 'more than 1048576 bytes'],
    ['more than 10 000 lines', 'exec yes', 'more than 10000 lines'],
    [
      '10 001 lines and nothing more',
      `i=0; while [ $i -lt 10001 ]; do echo '{}'; i=$((i+1)); done`,
      'more than 10000 lines',
    ],
  ])('early when it floods: %s', async (_, body, message) => {
    using bench = new ProgramBench();
    const program = bench.script(`echo $$ > $HERE/pid; ${body}`);
    const error = await thrown(executable.run(bench.call([program])));
    expect([error instanceof TaskFailure, String(error)]).toEqual([true, expect.stringContaining(`prints ${message}`)]);
    expect(isAlive(Number(await bench.written('pid')))).toBe(false);
  });

  it.each([new TaskFailure('timed out after 30 s'), new Interrupted('the engine stops')])(
    'by SIGTERM, with the reason: %s',
    async (reason) => {
      using bench = new ProgramBench();
      const program = bench.script(`trap 'echo got > $HERE/term; exit 0' TERM; sleep 1000 & echo $$ > $HERE/pid; wait`);
      const end = new AbortController();
      const error = thrown(executable.run(bench.call([program], { signal: end.signal })));
      await bench.written('pid');
      end.abort(reason);
      // It ended with 0, but it is unknown whether that means that it had finished.
      expect(await error).toBe(reason);
      expect(await bench.written('term')).toBe('got');
    },
  );

  it('by SIGTERM and reports with 75 that it did nothing', async () => {
    using bench = new ProgramBench();
    const program = bench.script(`trap 'exit 75' TERM; sleep 1000 & echo $$ > $HERE/pid; wait`);
    const end = new AbortController();
    const error = thrown(executable.run(bench.call([program], { signal: end.signal })));
    await bench.written('pid');
    end.abort(new Interrupted('the engine stops'));
    expect(await error).toBeInstanceOf(NotDone);
  });

  it('by SIGKILL after 5 s, with all of its group, when it does not heed SIGTERM', async () => {
    using bench = new ProgramBench();
    const program = bench.script(
      `trap '' TERM; sh -c 'echo $$ > $HERE/child; while :; do sleep 1; done' & echo $$ > $HERE/pid
      while :; do sleep 1; done`.replace("'echo $$ > $HERE/child", `'echo $$ > ${bench.directory}/child`),
    );
    const end = new AbortController();
    const error = thrown(executable.run(bench.call([program], { signal: end.signal })));
    const pids = [Number(await bench.written('pid')), Number(await bench.written('child'))];
    const reason = new TaskFailure('timed out after 1 s');
    end.abort(reason);
    expect(await error).toBe(reason);
    expect(pids.map(isAlive)).toEqual([false, false]);
  });
});

describe('of a program nothing is left', () => {
  it.each([
    ['in its group', 'sleep 1000 &'],
    ['in a session of its own', 'setsid sleep 1000 &'],
    ['twice forked, with streams of its own', '( setsid sh -c "sleep 1000 & wait" < /dev/null > /dev/null 2>&1 & )'],
    ['in its group with another environment', 'env -i sleep 1000 &'],
    [
      'deaf to SIGTERM',
      `setsid sh -c "trap '' TERM; echo > $HERE/deaf; while :; do sleep 1; done" &
      while ! [ -e $HERE/deaf ]; do sleep 0.01; done`,
    ],
  ])('of what it started %s', async (_, body) => {
    using bench = new ProgramBench();
    const mark = `${1_000_000 + Math.floor(Math.random() * 1e9)}`;
    const program = bench.script(`${body.replaceAll('1000', mark)}\necho '{"outputs":{"ticket":1}}'`);
    const call = bench.call([program], { provides: ['ticket'] });
    expect(await executable.run(call)).toEqual({ ticket: 1 });
    expect(processesWith(call.stepKey, mark)).toEqual([]);
    expect(bench.logged.join()).toContain('left processes behind, which were ended');
  });

  it('when it is run again: what a dead engine left of the same step is ended first', async () => {
    using bench = new ProgramBench();
    const program = bench.script('echo new >> $HERE/runs');
    const call = bench.call([program]);
    const env = { PATH: process.env.PATH, RECOVERY_AGENT_STEP_KEY: call.stepKey };
    const orphan = spawn(
      'sh',
      ['-c', 'trap "echo ended >> $0; exit" TERM; echo up; sleep 1000 & wait', bench.path('runs')],
      {
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const other = spawn('sleep', ['1000'], { env: { ...env, RECOVERY_AGENT_STEP_KEY: `${call.stepKey}2` } });
    onTestFinished(() => void other.kill('SIGKILL'));
    await new Promise((resolve) => orphan.stdout.once('data', resolve));
    await executable.run(call);
    expect(readFileSync(bench.path('runs'), 'utf8')).toBe('ended\nnew\n');
    expect([isAlive(orphan.pid ?? 0), isAlive(other.pid ?? 0)]).toEqual([false, true]);
    expect(bench.progress.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^Ended processes of an earlier run: \d$/),
    ]);
  });
});

describe('a program is refused, and not started', () => {
  it.each([
    ['that does not exist', (bench: ProgramBench) => bench.path('none'), /none does not exist$/],
    ['that is a directory', (bench: ProgramBench) => bench.directory, /is a directory$/],
    [
      'that is not executable',
      (bench: ProgramBench) => changed(bench.script('exit 0'), 0o644),
      /is not executable; chmod \+x \//,
    ],
    [
      'that others can change',
      (bench: ProgramBench) => changed(bench.script('exit 0'), 0o777),
      /mode 0777\); chmod go-w \//,
    ],
    [
      'that a group can change',
      (bench: ProgramBench) => changed(bench.script('exit 0'), 0o775),
      /mode 0775\); chmod go-w \//,
    ],
    [
      'without its interpreter',
      (bench: ProgramBench) => lost(bench),
      /the interpreter in its first line does not exist/,
    ],
  ])('%s', async (_, make, message) => {
    using bench = new ProgramBench();
    const error = await thrown(executable.run(bench.call([make(bench)])));
    expect([error instanceof NotDone, String(error)]).toEqual([true, expect.stringMatching(message)]);
  });

  it('that is requested with arguments which cannot be given', async () => {
    using bench = new ProgramBench();
    const program = bench.script('touch $HERE/ran');
    expect(String(await thrown(executable.run(bench.call([program, 'a\0b']))))).toContain('holds a NUL character');
    const long = String(await thrown(executable.run(bench.call([program, 'x'.repeat(3_000_000)]))));
    expect(long).toMatch(/arguments are too long \(E2BIG\)$/);
    expect(existsSync(bench.path('ran'))).toBe(false);
  });

  it('with a value that would be its option, unless "--" precedes it', async () => {
    using bench = new ProgramBench();
    const program = bench.script('printf "%s\\n" "$@" > $HERE/words');
    const calledWith = (...command: string[]) => {
      const call = bench.call(command.map((word) => word.replace('{{ ticket }}', '-rf\u001b[2J')));
      return { ...call, definition: { ...call.definition, options: { ...call.definition.options, command } } };
    };
    const error = await thrown(executable.run(calledWith(program, '-v', '{{ ticket }}')));
    expect([error instanceof NotDone, String(error)]).toEqual([
      true,
      expect.stringContaining('a value would be an option of the program (-rf [2J); write "--" before it'),
    ]);
    expect(existsSync(bench.path('words'))).toBe(false);
    await executable.run(calledWith(program, '-v', '--', '{{ ticket }}', 'x{{ ticket }}'));
    expect(readFileSync(bench.path('words'), 'utf8')).toBe('-v\n--\n-rf\u001b[2J\nx-rf\u001b[2J\n');
  });

  it('for a user that does not exist', async () => {
    using bench = new ProgramBench();
    const call = bench.call([bench.script('touch $HERE/ran')], { user: 'no-such-user' });
    const error = await thrown(executable.run(call));
    expect([error instanceof NotDone, String(error)]).toEqual([
      true,
      expect.stringContaining('does not exist on this host'),
    ]);
    expect(existsSync(bench.path('ran'))).toBe(false);
  });

  it('by an engine that has lost its lease; one that has not checks it first', async () => {
    using bench = new ProgramBench();
    const program = bench.script('touch $HERE/ran');
    const lost = new Error('the lease is lost');
    const confirm = async () => {
      throw lost;
    };
    expect(await thrown(executable.run(bench.call([program], { guard: { isFresh: () => false, confirm } })))).toBe(
      lost,
    );
    expect(existsSync(bench.path('ran'))).toBe(false);
    const requested: boolean[] = [];
    const guard = { isFresh: () => false, confirm: async () => void requested.push(existsSync(bench.path('ran'))) };
    await executable.run(bench.call([program], { guard }));
    expect(requested).toEqual([false, false]);
  });

  it('when the engine stops before it begins', async () => {
    using bench = new ProgramBench();
    const signal = AbortSignal.abort(new Interrupted('the engine stops'));
    expect(await thrown(executable.run(bench.call([bench.script('touch $HERE/ran')], { signal })))).toBeInstanceOf(
      NotDone,
    );
    expect(existsSync(bench.path('ran'))).toBe(false);
  });
});

function changed(path: string, mode: number): string {
  chmodSync(path, mode);
  return path;
}

function lost(bench: ProgramBench): string {
  const path = bench.path('lost');
  writeFileSync(path, '#!/no/such/interpreter\n');
  return changed(path, 0o755);
}

const AS_ROOT = isRoot ? describe : describe.skip;

AS_ROOT('as root a program (skipped for other users)', () => {
  it('runs as the user that its task names, in no other group, with the home of that user', async () => {
    using bench = new ProgramBench();
    const program = bench.script(`printf '{"outputs":{"who":"%s %s %s %s"}}' "$(id -u)" "$(id -g)" "$(id -G)" "$HOME"`);
    const call = bench.call([program], { user: 'nobody', provides: ['who'] });
    expect(await executable.run(call)).toEqual({ who: expect.stringMatching(/^65534 65534 65534 \/\S+$/) });
  });

  it('has the groups of its user if its task requires it', async () => {
    using bench = new ProgramBench();
    const program = bench.script(`printf '{"outputs":{"who":"%s %s"}}' "$(id -un)" "$(id -G)"`);
    const options = { groups: 'account' };
    const call = bench.call([program], { user: 'list', options, provides: ['who'] });
    const groups = execFileSync('id', ['-G', 'list'], { encoding: 'utf8' }).trim();
    expect(await executable.run(call)).toEqual({ who: `list ${groups}` });
  });

  it('is ended as that user too, with what it left behind', async () => {
    using bench = new ProgramBench();
    const program = bench.script(`setsid sleep 1000 & exec sleep 1000`);
    const end = new AbortController();
    const call = bench.call([program], { user: 'nobody', signal: end.signal });
    const error = thrown(executable.run(call));
    await until(() => processesWith(call.stepKey).length >= 2, 'two processes');
    const reason = new TaskFailure('timed out after 1 s');
    end.abort(reason);
    expect(await error).toBe(reason);
    expect(processesWith(call.stepKey)).toEqual([]);
  });

  it('that the user may not execute is reported', async () => {
    using bench = new ProgramBench();
    const program = changed(bench.script('exit 0'), 0o700);
    const error = await thrown(executable.run(bench.call([program], { user: 'nobody' })));
    expect([error instanceof NotDone, String(error)]).toEqual([true, expect.stringContaining('may not execute it')]);
  });

  it('that belongs to another user, or is in a place where another user can exchange it, is not run', async () => {
    using bench = new ProgramBench();
    const program = bench.script('exit 0');
    chownSync(program, 65534, 65534);
    expect(String(await thrown(executable.run(bench.call([program]))))).toMatch(/belongs to user 65534.*chown root \//);
    // Of the user that it runs as it may be.
    expect(await executable.run(bench.call([program], { user: 'nobody' }))).toEqual({});
    chownSync(program, 0, 0);
    mkdirSync(bench.path('open'));
    chmodSync(bench.path('open'), 0o777);
    symlinkSync(program, bench.path('open/link'));
    const error = String(await thrown(executable.run(bench.call([bench.path('open/link')]))));
    expect(error).toMatch(/others than the owner can write to \S+open .* chmod go-w \//);
  });
});

/** Living processes that belong to a step, or have a word among their arguments. */
function processesWith(stepKey: string, word?: string): string[] {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || !isAlive(Number(pid))) return false;
    if (read(`/proc/${pid}/environ`).includes(stepKey)) return true;
    return word !== undefined && read(`/proc/${pid}/cmdline`).split('\0').includes(word);
  });
}
