import { describe, expect, it } from 'vitest';
import type { Problem } from '../document/problem.ts';
import { readDocument } from '../document/read-document.ts';
import { readCustomTask } from './custom-tasks.ts';
import { readProofs } from './proof-programs.ts';

function read(text: string): { proofs: ReturnType<typeof readProofs>; messages: string[] } {
  const problems: Problem[] = [];
  const document = readDocument('test.conf', () => ({ bytes: Buffer.from(text), mode: 0o600 }), problems);
  const sections = new Map((document?.sections ?? []).map((section) => [section.name, section]));
  const proofs = readProofs(sections, readCustomTask, problems);
  return { proofs, messages: problems.map(({ line, message }) => `${line}: ${message}`) };
}

const PROOF = '[proof ipmi]\nkind = power_off\ncommand = /usr/sbin/prove {{host_name}}\n';

describe('a section [proof NAME]', () => {
  it('is a program with a kind, a time limit and whether it acts', () => {
    const { proofs, messages } = read(`${PROOF}timeout = 20\nacts = true\npassword = file:/etc/secret\n`);
    expect(messages).toEqual([]);
    expect(proofs.get('ipmi')).toMatchObject({ kind: 'power_off', timeoutMs: 20_000, acts: true });
    expect(proofs.get('ipmi')?.section.task).toMatchObject({
      driver: 'executable',
      options: { command: ['/usr/sbin/prove', '{{host_name}}'] },
      parameters: { password: 'file:/etc/secret' },
    });
  });

  it.each([
    ['without a name', '[proof]\nkind = fencing\ncommand = /bin/true\n', '1: a proof needs a name of'],
    ['without a kind', '[proof a]\ncommand = /bin/true\n', '1: proof "a" needs the option "kind": fencing, power_off'],
    [
      'with another kind',
      '[proof a]\nkind = guess\ncommand = /bin/true\n',
      '2: "kind" takes one of fencing, power_off',
    ],
    ['without a program', '[proof a]\nkind = fencing\n', '1: task "proof a" needs the option "command"'],
    [
      'with another driver',
      `${PROOF}driver = webhook\n`,
      '4: a proof has no option "driver": it is always an executable',
    ],
    ['with an option of tasks', `${PROOF}retries = 3\n`, '4: a proof has no option "retries"'],
    [
      'with an unknown value',
      `${PROOF}address = {{instance_uuid}}\n`,
      '4: a proof has no value "instance_uuid"; it has host_name',
    ],
    ['with a secret in clear', `${PROOF}password = geheim\n`, '4: "password" resembles a secret in clear'],
    ['with a wrong time', `${PROOF}timeout = 0\n`, '4: "timeout" must be between 1 and 3600 seconds'],
  ])('%s is refused with its place', (_, text, message) => {
    expect(read(text).messages.join('\n')).toContain(message);
  });
});
