import { describe, expect, test } from 'vitest';
import { parseUnits, queryUnits } from './unit.ts';

function block(active: string, sub: string, other: Readonly<Record<string, string>> = {}): string {
  const fields = {
    Type: 'notify',
    MainPID: '0',
    Result: 'success',
    ControlGroup: '',
    Id: 'x.service',
    LoadState: 'loaded',
    ActiveState: active,
    SubState: sub,
    ...other,
  };
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

describe('a unit', () => {
  test.each<[string, string, string]>([
    ['runs', block('active', 'running'), 'up'],
    ['has done its work and counts as up', block('active', 'exited'), 'up'],
    ['reads its files again', block('reloading', 'reload'), 'up'],
    ['is started', block('activating', 'start'), 'starting'],
    ['is restarted by systemd itself', block('activating', 'auto-restart', { Result: 'signal' }), 'starting'],
    ['is being stopped', block('deactivating', 'stop-sigterm'), 'starting'],
    ['was stopped in order', block('inactive', 'dead'), 'stopped'],
    ['failed', block('failed', 'failed', { Result: 'exit-code' }), 'down'],
    ['failed too often for systemd', block('failed', 'failed', { Result: 'start-limit-hit' }), 'down'],
    ['is masked', block('inactive', 'dead', { LoadState: 'masked' }), 'stopped'],
    ['is not installed', block('inactive', 'dead', { LoadState: 'not-found' }), 'unknown'],
    ['cannot be read', block('inactive', 'dead', { LoadState: 'bad-setting' }), 'unknown'],
  ])('%s', (_, text, poll) => {
    expect(parseUnits(['x.service'], text)[0]?.poll).toBe(poll);
  });

  test('has its main process and its control group', () => {
    const text = block('active', 'running', { MainPID: '77', ControlGroup: '/system.slice/x.service' });
    expect(parseUnits(['x.service'], text)[0]).toMatchObject({ mainPid: 77, cgroup: '/system.slice/x.service' });
  });

  test('several units are distinguished by their order, for any aliases', () => {
    const text = `${block('active', 'running', { Id: 'real-a.service' })}\n${block('failed', 'failed', { Result: 'signal' })}`;
    expect(parseUnits(['a.service', 'b.service'], text).map(({ unit, poll }) => `${unit} ${poll}`)).toEqual([
      'a.service up',
      'b.service down',
    ]);
    expect(() => parseUnits(['a.service'], text)).toThrow('returned 2 units, and 1 were requested');
  });

  test('cannot be read if systemd is not the init', async () => {
    const limits = { timeoutMs: 20_000, signal: new AbortController().signal };
    const refusing = ['sh', '-c', 'echo "System has not been booted with systemd" >&2; exit 1', 'systemctl'] as const;
    await expect(queryUnits(['a.service'], refusing, limits)).rejects.toThrow(
      'systemctl cannot read units: System has not been booted with systemd',
    );
    await expect(queryUnits(['a'], ['sh', '-c', 'sleep 1000'], { ...limits, timeoutMs: 100 })).rejects.toThrow(
      'took longer than 0.1 s',
    );
  });
});
