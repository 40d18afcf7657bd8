import { describe, expect, test } from 'vitest';
import { splitCommand } from './command-line.ts';

describe('splitCommand', () => {
  test.each<[string, string[]]>([
    ['systemctl restart nova-compute', ['systemctl', 'restart', 'nova-compute']],
    ['  systemctl   restart\tlibvirtd ', ['systemctl', 'restart', 'libvirtd']],
    [`logger "nova compute" 'is down'`, ['logger', 'nova compute', 'is down']],
    [`printf '%s|%s' a b`, ['printf', '%s|%s', 'a', 'b']],
    [`echo "a \\"b\\" \\n"`, ['echo', 'a "b" \\n']],
    ['echo a\\ b', ['echo', 'a b']],
    [`echo ''`, ['echo', '']],
    ['sh -c "a && b"', ['sh', '-c', 'a && b']],
    ['/opt/x --set=a=b#c~', ['/opt/x', '--set=a=b#c~']],
    ['env A=1 program', ['env', 'A=1', 'program']],
  ])('%s', (text, argv) => {
    expect(splitCommand(text)).toEqual({ command: { argv, text } });
  });

  test.each<[string, RegExp]>([
    ['a | b', /"\|", which only a shell understands/],
    ['a && b', /"&"/],
    ['a; b', /";"/],
    ['a > /dev/null', /">"/],
    ['a 2>&1', /">"/],
    ['echo $HOME', /"\$"/],
    ['echo "$HOME"', /"\$"/],
    ['echo `date`', /"`"/],
    ['ls *.log', /"\*"/],
    ['cd ~/x', /"~"/],
    ['a # comment', /"#"/],
    ['A=1 program', /begins with a variable \(A=\)/],
    ['a "b', /does not end/],
    ['a\\', /ends with a backslash/],
    ['   ', /names no program/],
    ['a\nb', /line break/],
    ['x'.repeat(5000), /longer than 4096/],
  ])('refuses %j', (text, fault) => {
    const split = splitCommand(text);
    expect('fault' in split && split.fault).toMatch(fault);
  });
});
