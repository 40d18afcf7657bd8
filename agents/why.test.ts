/** `why` as an operator uses it: of a real engine, of its journal, and a case that is decided again. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NotificationView, WhyView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';

const DOWN = ['--event', 'STOPPED', '--cluster-status', 'OFFLINE', '--host-status', 'NORMAL'];

async function recovered(here: EngineWorld): Promise<string> {
  here.world.kill('c1');
  const { code, stderr } = await here.run(['notify', '--hostname', 'c1', ...DOWN, '--wait']);
  if (code !== 0) throw new Error(stderr);
  const [newest] = await here.json<NotificationView[]>('list');
  return newest?.notification_uuid ?? '';
}

describe('why', { timeout: 60_000 }, () => {
  it('is the same from the engine and, when none runs, from the journal', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    const uuid = await recovered(here);
    const forms = [
      ['why', uuid],
      ['why', uuid, '--json'],
      ['why', uuid, '--export'],
    ];
    const fromEngine = [];
    for (const argv of forms) fromEngine.push(await here.run(argv));
    await engine.kill('SIGTERM');
    for (const [index, argv] of forms.entries()) expect(await here.run(argv)).toEqual(fromEngine[index]);

    const [text, json] = fromEngine.map(({ stdout }) => stdout);
    const course = [...(text ?? '').matchAll(/\[engine \d+\] {2}([^\n:(]+)/g)].map(([, title = '']) => title.trim());
    expect(course).toEqual([
      expect.stringMatching(/^report accepted from /),
      'accepted',
      'no gate holds it',
      'flow starts',
      'its host counts as dead',
      'end',
    ]);
    expect(text).toMatch(
      /recovered in \d+\.\d s \(detected \+0\.0, decided \+\d+\.\d, called \+\d+\.\d, confirmed \+\d+\.\d\)/,
    );
    const { history, recovery_times }: WhyView = JSON.parse(json ?? '');
    expect(history.map(({ entry, kind }) => `${entry} ${kind}`)).toEqual([
      'audit report',
      'decision acceptance',
      'decision gate',
      'decision method',
      'decision life',
      'decision end',
    ]);
    expect(recovery_times.length).toBeGreaterThan(0);
    for (const { detected_at, decided_at, called_at, confirmed_at, seconds } of recovery_times) {
      expect([decided_at, called_at, confirmed_at].toSorted()).toEqual([decided_at, called_at, confirmed_at]);
      expect(seconds).toBe((Date.parse(confirmed_at ?? '') - Date.parse(detected_at)) / 1_000);
    }
    expect((await here.run(['show', uuid])).stdout).toContain('recovered in ');
  });

  it('refuses a notification that does not exist, a missing UUID, and --replay with a UUID', async () => {
    await using here = await EngineWorld.start();
    const unknown = await here.run(['why', '00000000-0000-4000-8000-000000000000']);
    expect(unknown).toMatchObject({ code: 3, stderr: expect.stringContaining('there is no') });
    expect(await here.run(['why'])).toMatchObject({ code: 2, stderr: expect.stringContaining('UUID') });
    const both = await here.run(['why', '00000000-0000-4000-8000-000000000000', '--replay', 'case.json']);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('--replay takes a file') });
  });
});

describe('why --replay', { timeout: 60_000 }, () => {
  it('decides an exported case again, and names what changes; a faulty file is refused with its path and field', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    const uuid = await recovered(here);
    const file = join(here.directory, 'case.json');
    writeFileSync(file, (await here.run(['why', uuid, '--export'])).stdout);

    const same = await here.run(['why', '--replay', file]);
    expect(same).toMatchObject({ code: 0, stderr: '' });
    expect(same.stdout).toMatch(/then pass, now pass\n0 of 1 gate decisions change\n$/);

    const strict = join(here.directory, 'strict.conf');
    writeFileSync(strict, '[gates]\nmin_failed_hosts = 1\nmax_failed_hosts_percent = 1\n');
    const changed = await here.run(['why', '--replay', file, '--config', strict]);
    expect(changed.code).toBe(0);
    expect(changed.stdout).toMatch(/then pass, now hold \(failed-hosts\) {2}CHANGED\n.*max_failed_hosts_percent is 1/);
    expect(changed.stdout).toContain('1 of 1 gate decisions change');
    const json = JSON.parse((await here.run(['why', '--replay', file, '--config', strict, '--json'])).stdout);
    expect(json).toMatchObject([
      { recorded: { outcome: 'pass', gate: null }, now: { outcome: 'hold', gate: 'failed-hosts' }, changed: true },
    ]);

    writeFileSync(file, '{');
    const faulty = await here.run(['why', '--replay', file]);
    expect(faulty).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`the case ${file} is refused: it is not JSON`),
    });
  });
});
