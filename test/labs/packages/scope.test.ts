import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boot, type Trial } from './booted.ts';
import { installPackages } from './install.ts';
import { Made, ROOT } from './made.ts';

/** Programs of tasks where systemd runs: the engine's own code, from this checkout, in the container. */

const RUNS = `
import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { runProgram } from '${ROOT}engine/task-drivers/executable/run-program.ts';

const account = { uid: 65534, gid: 65534, home: '/', change: 'needed' };
const rights = { groups: 'none', newPrivileges: 'none' };
async function run(body, onOutput = () => {}) {
  let output = '';
  const reasons = [];
  const began = performance.now();
  const ended = await runProgram({
    argv: ['/bin/sh', '-c', body], account, rights, variables: { A: 'b' }, stdin: 'input\\n',
    onStdout: (chunk) => { output += chunk; onOutput(String(chunk)); return undefined; },
    onStderr: (chunk) => { output += chunk; },
    onNoScope: (reason) => reasons.push(reason),
    signal: new AbortController().signal,
  });
  return { output, reasons, ended, ms: Math.round(performance.now() - began) };
}
const note = (key, value) => console.log(\`\${key}=\${JSON.stringify(value)}\`);

const where = await run('cat /proc/self/cgroup; cat');
note('output', where.output.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'RUN').split('\\n').filter((line) => /task|input/.test(line)).map((line) => line.replace(/.*\\//, '')).filter((line, index, all) => all.indexOf(line) === index));
note('reasons', where.reasons);
const environment = await run('env | sed s/=.*// | sort | tr "\\\\n" " "');
// Its own shell adds PWD.
note('environment', environment.output.trim().replaceAll(/ (PWD|_)\\b/g, ''));
let properties = '';
await run('echo up; read -r line; exec sleep 1', () => {
  const [scope] = execFileSync('systemctl', ['list-units', '--plain', '--no-legend', 'recovery-agent-task-*'], { encoding: 'utf8' }).split(' ');
  properties ||= execFileSync('systemctl', ['show', '--property=TasksMax,CPUWeight,Slice', scope], { encoding: 'utf8' });
});
note('properties', properties.trim().split('\\n').sort());
const escaped = await run('env -i setsid sleep 100003 & sleep 0.2');
note('left', escaped.ended.leftBehind);
note('running', execFileSync('sh', ['-c', 'pgrep --full "sleep 10000[3]" | wc -l'], { encoding: 'utf8' }).trim());
note('code', (await run('exit 7')).ended.end);
note('quick', [(await run(':')).ms < 2000]);
execFileSync('sh', ['-c', 'mv /run/systemd/private /run/systemd/private.away; rm -f /run/dbus/system_bus_socket']);
const without = await run('echo once >>/srv/count; cat /srv/count');
note('without', [without.output, without.reasons.length, without.ended.end.code]);
execFileSync('mv', ['/run/systemd/private.away', '/run/systemd/private']);
`;

const STEPS = `
mkdir -p /srv; chmod 777 /srv
${process.execPath} /trial/runs.ts >>/trial/notes
note ended $?
`;

let made: Made;
let trial: Trial;

beforeAll(async () => {
  await installPackages();
  made = Made.create();
  trial = await boot(made.directory, STEPS, (folder) => writeFileSync(join(folder, 'runs.ts'), RUNS));
});

afterAll(() => made?.[Symbol.dispose]());

describe('a program of a task where systemd runs', () => {
  const noted = (key: string): unknown => {
    const line = trial.notes.find((one) => one.startsWith(`${key}=`));
    expect(line, trial.said).toBeDefined();
    return JSON.parse(line?.slice(key.length + 1) ?? 'null');
  };

  it('has a control group of its own, its input and its environment, and nothing more', () => {
    expect(noted('reasons')).toEqual([]);
    expect(noted('output')).toEqual(['recovery-agent-task-RUN.scope', 'input']);
    expect(noted('environment')).toBe('A HOME LANG PATH RECOVERY_AGENT_RUN');
  });

  it('is bounded together with all that it starts', () => {
    expect(noted('properties')).toEqual(['CPUWeight=50', 'Slice=system.slice', 'TasksMax=1024']);
  });

  it('leaves nothing behind, not even what has another session and no mark', () => {
    expect([noted('left'), noted('running')]).toEqual([1, '0']);
  });

  it('ends as it ends, and soon', () => {
    expect([noted('code'), noted('quick')]).toEqual([{ by: 'exit', code: 7 }, [true]]);
  });

  it('runs once, without the control group, where systemd makes none', () => {
    expect(noted('without')).toEqual(['once\n', 1, 0]);
    expect(noted('ended')).toBe(0);
  });
});
