import { describe, expect, it } from 'vitest';
import { boundOptions, FEWEST_RIGHTS, identityOptions, whyNotExecuted } from './confinement.ts';

const UNPRIVILEGED = { uid: 65534, gid: 65534, home: '/', change: 'needed' } as const;
const ROOT = { uid: 0, gid: 0, home: '/root', change: 'none' } as const;

describe('the bounds of a program', () => {
  it('are lower where this process has a lower hard limit, which it could not raise', () => {
    const limits = 'Max processes             100                  200                  processes\n';
    expect(boundOptions(limits)).toEqual([
      '--core=0:0',
      '--nofile=4096:4096',
      '--nproc=200:200',
      '--fsize=17179869184:17179869184',
      '--memlock=8388608:8388608',
    ]);
  });
});

describe('user and groups of a program', () => {
  it.each([
    [UNPRIVILEGED, FEWEST_RIGHTS, ['--reuid=65534', '--regid=65534', '--clear-groups']],
    [UNPRIVILEGED, { ...FEWEST_RIGHTS, groups: 'account' }, ['--reuid=65534', '--regid=65534', '--init-groups']],
    [ROOT, FEWEST_RIGHTS, ['--clear-groups']],
    [ROOT, { groups: 'account', newPrivileges: 'possible' }, []],
  ] as const)('of %j with %j are the options %j', (account, rights, options) => {
    expect(identityOptions(account, rights, 0)).toEqual(options);
  });

  it('leave user and groups alone where the engine is not root', () => {
    expect(identityOptions({ ...ROOT, uid: 1000, gid: 1000 }, FEWEST_RIGHTS, 1000)).toEqual([]);
  });
});

describe('a program that was not started', () => {
  it('is distinguished from one that ended with the same exit code', () => {
    const line = 'setpriv: failed to execute /opt/alert: Permission denied\n';
    expect(whyNotExecuted('/opt/alert', 126, line)).toBe('Permission denied');
    expect(whyNotExecuted('/opt/alert', 1, line)).toBeUndefined();
    expect(whyNotExecuted('/opt/other', 126, line)).toBeUndefined();
    expect(whyNotExecuted('/opt/alert', 127, `begun\n${line}`)).toBeUndefined();
    expect(whyNotExecuted('/opt/alert', 127, `${line}more\n`)).toBeUndefined();
  });
});
