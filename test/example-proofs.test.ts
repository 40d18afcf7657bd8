/** The programs in docs/examples/proofs that need a Ceph cluster or a SCSI device, with a stand-in for the program that they call. */
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readDocument } from '#config/document/read-document.ts';
import { readCustomTask } from '#config/pipelines/custom-tasks.ts';
import { readProofs } from '#config/pipelines/proof-programs.ts';
import { executable } from '#engine/task-drivers/executable/driver.ts';
import { resultOf } from '#engine/task-drivers/proof-program.ts';
import { ProgramBench } from './world/program-bench.ts';

const EXAMPLES = fileURLToPath(new URL('../docs/examples/proofs/', import.meta.url));

function example(bench: ProgramBench, name: string): string {
  const path = bench.script('', name);
  copyFileSync(`${EXAMPLES}${name}`, path);
  return path;
}

describe('rbd_blocklist.py', () => {
  const prove = async (bench: ProgramBench, ceph: string): Promise<string> => {
    const command = [example(bench, 'rbd_blocklist.py'), '3600', bench.script(ceph, 'ceph')];
    const { state, detail } = resultOf(
      await executable.run(bench.call(command, { parameters: { address: '192.0.2.7' } })),
    );
    return `${state}: ${detail}`;
  };

  it('shows a host dead that Ceph lists in its blocklist', async () => {
    using bench = new ProgramBench();
    const ceph = 'case "$3" in range) echo "$@" >> $HERE/called;; ls) echo \'{"range":["192.0.2.7:0/32"]}\';; esac';
    expect(await prove(bench, ceph)).toBe('dead: Ceph refuses 192.0.2.7/32 for 3600 s');
    expect(readFileSync(bench.path('called'), 'utf8')).toBe('osd blocklist range add 192.0.2.7/32 3600\n');
  });

  it('shows nothing if Ceph refuses, or does not list the host', async () => {
    using bench = new ProgramBench();
    expect(await prove(bench, 'exit 13')).toContain('unknown: Ceph did not add 192.0.2.7/32');
    for (const listed of ['{}', '{"range":["192.0.2.70:0/32"]}', '{"range":["1192.0.2.7:0/32"]}']) {
      expect(await prove(bench, `echo '${listed}'`)).toBe('unknown: Ceph does not list 192.0.2.7/32');
    }
  });
});

describe('every example', () => {
  it.each(readdirSync(EXAMPLES))('%s has a section in its head that is a valid proof', (name) => {
    const head = readFileSync(`${EXAMPLES}${name}`, 'utf8');
    const section = head
      .split('\n')
      .filter((line) => line.startsWith('#     '))
      .map((line) => line.slice(6))
      .join('\n');
    expect(section).toContain(`/usr/share/doc/recovery-agent/examples/proofs/${name}`);
    const problems: never[] = [];
    const document = readDocument('head', () => ({ bytes: Buffer.from(`${section}\n`), mode: 0o600 }), problems);
    const sections = new Map((document?.sections ?? []).map((one) => [one.name, one]));
    expect([...readProofs(sections, readCustomTask, problems)]).toHaveLength(1);
    expect(problems).toEqual([]);
  });
});
