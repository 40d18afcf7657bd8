import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { PacemakerSilent, queryPacemaker } from './tools.ts';

const directory = mkdtempSync(join(tmpdir(), 'ask-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const fixture = (file: string) =>
  new URL(`../../../../test/fixtures/pacemaker/all-online/${file}`, import.meta.url).pathname;
const GOOD = { crm_mon: `exec cat "${fixture('crm_mon.xml')}"`, cibadmin: `exec cat "${fixture('cib.xml')}"` };
let count = 0;

/** A PATH with tools that behave as the test sets them; a tool without a script is not installed. */
function tools(scripts: Readonly<Record<string, string>>): string {
  count += 1;
  const folder = join(directory, String(count));
  mkdirSync(folder);
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

/** Generous where the timeout is not tested: machines are busy. */
const query = (path: string, timeoutMs = 60_000, signal = new AbortController().signal) =>
  queryPacemaker(timeoutMs, signal, path);

test('both tools run, in one language, in UTC and without variables that make them show a file instead of the cluster', async () => {
  const path = tools({
    crm_mon: `test -z "$CIB_file$CIB_shadow" && test "$LC_ALL $TZ" = "C UTC" && ${GOOD.crm_mon}`,
    cibadmin: GOOD.cibadmin,
  });
  process.env.CIB_file = '/tmp/cib.xml';
  try {
    const { view, cib } = await query(path);
    expect([view.nodes.length, cib.states.size]).toEqual([5, 5]);
  } finally {
    delete process.env.CIB_file;
  }
});

test.each([
  ['that is not installed', { cibadmin: GOOD.cibadmin }, /^crm_mon is not installed here; run the host monitor where/],
  [
    'that fails, also with output',
    { ...GOOD, cibadmin: `cat "${fixture('cib.xml')}"; echo 'no peer' >&2; exit 102` },
    /^cibadmin failed \(exit code 102\): no peer; is Pacemaker running on this node\?$/,
  ],
  ['that fails without output', { ...GOOD, crm_mon: 'exit 1' }, /^crm_mon failed \(exit code 1\): no reason given$/],
])('a tool %s is reported with its name', async (_, scripts, message) => {
  const requested = query(tools(scripts));
  await expect(requested).rejects.toThrow(PacemakerSilent);
  await expect(requested).rejects.toThrow(message);
});

test('a tool that hangs times out, also if it leaves a process running', async () => {
  const left = join(directory, 'left.pid');
  const requested = query(tools({ ...GOOD, crm_mon: `sleep 100 & echo $! > "${left}"; exec sleep 100` }), 2_000);
  await expect(requested).rejects.toThrow('crm_mon timed out after 2 s');
  process.kill(Number(readFileSync(left, 'utf8')), 'SIGKILL');
});

test('a poll ends with its signal', async () => {
  const ends = new AbortController();
  const requested = query(tools({ ...GOOD, crm_mon: 'exec sleep 100' }), 60_000, ends.signal);
  ends.abort();
  await expect(requested).rejects.toThrow('crm_mon was aborted');
});

test('half an output is refused', async () => {
  await expect(query(tools({ ...GOOD, cibadmin: `head -c 20000 "${fixture('cib.xml')}"` }))).rejects.toThrow(
    'cibadmin printed no whole XML',
  );
});
