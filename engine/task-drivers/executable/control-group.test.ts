import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { GATE_DESCRIPTOR, GO, scopeCommand } from './control-group.ts';

/** Starts the command after systemd-run and its options, and waits until it is ready. */
async function ready(argv: readonly string[]) {
  const command = scopeCommand(argv, 'x.scope');
  const [shell = '', ...words] = command.slice(command.indexOf('--') + 1);
  const child = spawn(shell, words, { env: { GIVEN: '1' }, stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  const gate = child.stdio[GATE_DESCRIPTOR] as Duplex;
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  await once(gate, 'data');
  return { gate, ended: once(child, 'close').then(([code]) => ({ code, stdout })) };
}

describe('a program in a scope', () => {
  it('starts on request, with its words unchanged and without the descriptor of the gate', async () => {
    const { gate, ended } = await ready([
      '/bin/sh',
      '-c',
      'printf "<%s>" "$@"; test -e /proc/$$/fd/3 || printf closed',
      'sh',
      'a b',
      '$HOME',
      '"',
      '',
    ]);
    gate.end(GO);
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout).toBe('<a b><$HOME><"><>closed');
  });

  it('has no variable that was not given to it', async () => {
    const { gate, ended } = await ready(['/usr/bin/env']);
    gate.end(GO);
    // A shell that is bash adds "_".
    expect((await ended).stdout.replace(/^_=.*\n/m, '')).toBe('GIVEN=1\n');
  });

  it('does not begin when the engine is gone', async () => {
    const { gate, ended } = await ready(['/bin/echo', 'begun']);
    gate.destroy();
    expect(await ended).toEqual({ code: 1, stdout: '' });
  });
});
