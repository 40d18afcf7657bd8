/** The actions of the resource agent on real engines, with everything that a machine can lose or an operator can mistype. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { processNamed } from '#protocol/process-file.ts';
import { ResourcePlace, reasonsOf } from '#test/world/resource.ts';

const LIMIT = { timeout: 240_000 };

describe('where nothing runs', LIMIT, () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    [
      'a relative path',
      { socket: 'engine.sock', pidfile: 'engine.pid', logfile: 'engine.log', journal: 'j', config: 'c' },
    ],
    ['an unknown word', { log_level: 'verbose' }],
    ['paths that do not exist', { config: '/nonexistent/a', journal: '/nonexistent/a/b', pidfile: '/nonexistent/c' }],
    ['paths that are folders', { config: '/tmp', journal: '/tmp', socket: '/tmp', pidfile: '/tmp', logfile: '/tmp' }],
    ['paths that are devices', { journal: '/dev/zero', pidfile: '/dev/zero', socket: '/dev/zero' }],
    ['a path that no socket can have', { socket: `/${'s'.repeat(5_000)}` }],
    ['the options of a clone', { CRM_meta_clone: '0', CRM_meta_clone_max: '3' }],
    ['a timeout that is no number', { CRM_meta_timeout: 'soon' }],
  ])('stop succeeds and the probe finds no engine, also with %s', async (_, changed) => {
    await using place = new ResourcePlace();
    const resource = place.resource('recovery', 'engine');
    expect(await resource.act('monitor', changed)).toMatchObject({ code: 7, stderr: '' });
    expect(await resource.act('stop', changed)).toMatchObject({ code: 0, stderr: '' });
  });

  it('a recurring monitor reports that the engine is not running', async () => {
    await using place = new ResourcePlace();
    const ended = await place.resource('recovery', 'engine').act('monitor', { CRM_meta_interval: '10000' });
    expect([ended.code, reasonsOf(ended)]).toEqual([7, ['the engine is not running']]);
  });

  it('a foreign process in the process file, and one that listens on the socket, are not changed', async () => {
    await using place = new ResourcePlace();
    const resource = place.resource('recovery', 'engine');
    const foreign = spawn('sleep', ['600']);
    const { pidfile = '', socket = '' } = resource.parameters;
    writeFileSync(pidfile, JSON.stringify(processNamed(foreign.pid ?? 0)));
    const listener = createServer(() => {}).listen(socket);
    try {
      expect((await resource.act('monitor')).code).toBe(7);
      expect((await resource.act('stop')).code).toBe(0);
      expect([foreign.exitCode, foreign.signalCode, existsSync(socket)]).toEqual([null, null, true]);
      const ended = await resource.act('start');
      expect([ended.code, reasonsOf(ended)]).toEqual([1, [`another program listens on ${socket}`]]);
    } finally {
      listener.close();
      foreign.kill();
    }
  });
});

describe('an engine', LIMIT, () => {
  it('is found and stopped when its socket and its process file are lost', async () => {
    await using place = new ResourcePlace();
    const resource = place.resource('recovery', 'engine');
    expect((await resource.act('start')).code).toBe(0);
    const { pidfile = '', socket = '' } = resource.parameters;
    rmSync(pidfile);
    const unnamed = await resource.act('monitor');
    expect([unnamed.code, unnamed.stderr]).toEqual([0, expect.stringContaining(`the process file ${pidfile} is lost`)]);
    rmSync(socket);
    const lost = await resource.act('monitor');
    expect([lost.code, reasonsOf(lost)]).toEqual([1, [expect.stringContaining(`its socket ${socket} is lost`)]]);
    expect((await resource.act('stop')).code).toBe(0);
    expect(resource.isRunning).toBe(false);
    expect((await resource.act('monitor')).code).toBe(7);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['invalid', { socket: 'x', pidfile: 'y', journal: 'z', log_level: 'loud' }],
    ['others', { socket: '/run/other.sock', pidfile: '/run/other.pid', journal: '/nonexistent/j.db' }],
    ['of a clone', { CRM_meta_clone: '1' }],
    ['without a resource name', { OCF_RESOURCE_INSTANCE: '' }],
  ])('is stopped when the parameters are %s by then', async (_, changed) => {
    await using place = new ResourcePlace();
    const resource = place.resource('recovery', 'engine');
    expect((await resource.act('start')).code).toBe(0);
    expect((await resource.act('monitor', changed)).code).toBe(0);
    expect((await resource.act('stop', changed)).code).toBe(0);
    expect(resource.isRunning).toBe(false);
  });

  it('is found by the lease if its command line shows nothing of the resource', async () => {
    await using place = new ResourcePlace();
    const first = place.resource('recovery', 'engine');
    expect((await first.act('start')).code).toBe(0);
    symlinkSync(place.directory, place.path('link'));
    writeFileSync(place.path('other.conf'), readFileSync(place.config), { mode: 0o600 });
    const changed = { config: place.path('other.conf'), journal: place.path('link/journal.db') };
    const elsewhere = place.resource('recovery', 'elsewhere', changed);
    expect((await elsewhere.act('monitor')).code).toBe(0);
    expect((await elsewhere.act('stop')).code).toBe(0);
    expect(first.isRunning).toBe(false);
  });

  it('that hangs is unhealthy, and a start replaces it', async () => {
    await using place = new ResourcePlace();
    const resource = place.resource('recovery', 'engine');
    expect((await resource.act('start')).code).toBe(0);
    const { pid } = resource.engine;
    process.kill(pid, 'SIGSTOP');
    expect((await resource.act('start')).code).toBe(0);
    expect(processNamed(pid)).toBeUndefined();
    expect(resource.engine.pid).not.toBe(pid);
    expect((await resource.act('stop')).code).toBe(0);
  });

  it('writes no core dump, for any limit of the cluster manager', async () => {
    await using place = new ResourcePlace();
    const resource = place.resource('recovery', 'engine');
    expect((await resource.act('start')).code).toBe(0);
    const limits = readFileSync(`/proc/${resource.engine.pid}/limits`, 'utf8');
    expect(limits).toMatch(/^Max core file size +0 +0 /m);
    expect((await resource.act('stop')).code).toBe(0);
  });

  it('starts beside a log of any size, with modes that are not those of the caller', async () => {
    await using place = new ResourcePlace();
    const resource = place.resource('recovery', 'engine');
    writeFileSync(resource.parameters.logfile ?? '', '');
    truncateSync(resource.parameters.logfile ?? '', 3 * 1024 ** 3);
    expect((await resource.act('start')).code).toBe(0);
    expect((await resource.act('stop')).code).toBe(0);
  });
});

describe('another resource', LIMIT, () => {
  it('does not get the journal of a living engine, which the engine keeps', async () => {
    await using place = new ResourcePlace();
    const first = place.resource('first', 'one');
    const second = place.resource('second', 'two');
    expect((await first.act('start')).code).toBe(0);
    for (const action of ['start', 'validate-all']) {
      const ended = await second.act(action);
      expect([ended.code, reasonsOf(ended)]).toEqual([6, [expect.stringMatching(/^resource first uses the journal /)]]);
    }
    symlinkSync(place.directory, place.path('link'));
    const hidden = place.resource('second', 'two', { journal: place.path('link/journal.db') });
    for (const action of ['start', 'validate-all']) {
      const ended = await hidden.act(action);
      const held = expect.stringMatching(/^the journal is held by the engine of resource first/);
      expect([ended.code, reasonsOf(ended)]).toEqual([6, [held]]);
    }
    expect((await second.act('monitor')).code).toBe(7);
    expect((await second.act('stop', { socket: first.parameters.socket ?? '' })).code).toBe(0);
    expect((await first.act('monitor')).code).toBe(0);
    expect((await first.act('stop')).code).toBe(0);
    expect((await second.act('start')).code).toBe(0);
    second.killEngine();
    expect((await first.act('start')).code).toBe(0);
    expect((await first.act('stop')).code).toBe(0);
  });
});

describe('a start that fails', LIMIT, () => {
  const lacks = (reason: RegExp) => [5, [expect.stringMatching(reason)]];

  it('because this node lacks something lets the cluster use other nodes, and reports the reason', async () => {
    await using place = new ResourcePlace();
    mkdirSync(place.path('folder'));
    writeFileSync(place.path('garbage.db'), 'garbage '.repeat(1_000));
    writeFileSync(place.path('garbage.conf'), 'garbage ][\n');
    writeFileSync(place.path('key'), 'k'.repeat(64));
    chmodSync(place.path('key'), 0o644);
    const tls = `[transport]\nlisten = 127.0.0.1\nkey_ring_file = ${place.path('key')}\n`;
    writeFileSync(place.path('tls.conf'), readFileSync(place.config, 'utf8') + tls);
    writeFileSync(place.path('cloud.conf'), '[cloud]\ncloud = nowhere\n');
    const cases: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
      [{ config: place.path('none.conf') }, /none\.conf does not exist/],
      [{ config: place.path('garbage.conf') }, /garbage\.conf:1:1: /],
      [{ config: place.path('cloud.conf') }, /no usable credentials of the cloud/],
      [{ config: place.path('tls.conf') }, /is open to others \(mode 0644\); chmod 600/],
      [{ journal: place.path('none/journal.db') }, /the journal's directory .* does not exist/],
      [{ journal: place.path('garbage.db') }, /cannot be opened: it is damaged/],
      [{ pidfile: place.path('folder') }, /the process file .* cannot be written: a directory is in its place/],
      [{ socket: place.path('folder') }, /folder is there and no socket/],
      [{ logfile: place.path('folder') }, /the log .* cannot be used: EISDIR/],
      [{ pidfile: place.path('key/engine.pid') }, /the folder .* cannot be used: E/],
    ];
    for (const [changed, reason] of cases) {
      const ended = await place.resource('recovery', 'engine', changed).act('start');
      expect([changed, ended.code, reasonsOf(ended)]).toEqual([changed, ...lacks(reason)]);
    }
  });

  it('because of the cluster configuration prevents a start on other nodes', async () => {
    await using place = new ResourcePlace();
    const resource = place.resource('recovery', 'engine');
    for (const action of ['start', 'validate-all']) {
      const cloned = await resource.act(action, { CRM_meta_clone: '0' });
      expect([cloned.code, reasonsOf(cloned)]).toEqual([6, [expect.stringMatching(/is a clone, and cannot be one/)]]);
      const word = await resource.act(action, { log_level: 'loud' });
      expect([word.code, reasonsOf(word)]).toEqual([6, [expect.stringMatching(/parameter log_level must be one of/)]]);
    }
  });
});

it('an unknown action is reported with its name', LIMIT, async () => {
  await using place = new ResourcePlace();
  const ended = await place.resource('recovery', 'engine').act('promote');
  expect([ended.code, reasonsOf(ended)]).toEqual([3, [expect.stringMatching(/^there is no action "promote"/)]]);
});
