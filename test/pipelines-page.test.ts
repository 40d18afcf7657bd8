/** docs/extend/pipelines.md as a new user reads it: the commands of the page are run unchanged, except for the paths of files. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocument } from '#config/document/document.ts';
import { formatProblem } from '#config/document/problem.ts';
import { LAUNCHER } from './world/engine-world.ts';

const PAGE = readFileSync(fileURLToPath(new URL('../docs/extend/pipelines.md', import.meta.url)), 'utf8');
const EXAMPLES = fileURLToPath(new URL('../docs/examples/tasks/', import.meta.url));
const FILE = '/etc/recovery-agent/custom-recovery-methods.conf';

interface Block {
  readonly kind: string;
  readonly text: string;
}

/** The fenced blocks below a heading, up to the next one. */
function blocksOf(heading: string): Block[] {
  const blocks: Block[] = [];
  let isBelow = false;
  let kind: string | undefined;
  let lines: string[] = [];
  for (const line of PAGE.split('\n')) {
    const fence = /^```(\w*)$/.exec(line);
    if (fence && kind === undefined) [kind, lines] = [fence[1] ?? '', []];
    else if (fence) {
      if (isBelow) blocks.push({ kind: kind ?? '', text: lines.join('\n') });
      kind = undefined;
    } else if (kind !== undefined) lines.push(line);
    else if (/^#{1,3} /.test(line)) isBelow = line === heading;
  }
  return blocks;
}

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'recovery-agent-page-'));
  for (const folder of ['bin', 'usr/local', 'var/tmp', 'etc/recovery-agent']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  symlinkSync(LAUNCHER, join(root, 'bin/recovery-agent'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The same with the places of a directory of its own. */
function placed(text: string): string {
  const example = join(EXAMPLES, 'update_metering.py');
  const here = text.replaceAll('/usr/share/doc/recovery-agent/examples/tasks/update_metering.py', example);
  return here.replaceAll(/\/(?:usr\/local\/libexec|var\/tmp|etc\/recovery-agent)\b/g, (place) => join(root, place));
}

/** Types the commands of a block; throws when one of them fails. */
async function type(heading: string, number = 0): Promise<string> {
  const block = blocksOf(heading).filter(({ kind }) => kind === 'sh')[number];
  if (!block) throw new Error(`"${heading}" has no block ${number} of commands`);
  return shell(block.text);
}

async function shell(script: string): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', ['-e', '-o', 'pipefail', '-c', placed(script)], {
    env: { ...process.env, PATH: `${join(root, 'bin')}:${process.env.PATH}` },
    maxBuffer: 4 << 20,
  });
  return stdout;
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('ten minutes', { timeout: 120_000 }, () => {
  it('give a program that works by hand', async () => {
    await type('### 1. A program');
    expect(await type('### 1. A program', 1)).toContain('{"outputs": {"ticket": "T-1"}}\n');
    expect(read('var/tmp/tell-oncall.log')).toBe('host compute-1 failed with 3 instances\n');
  });

  it('give a list that is right, and report a mistake as on the page', async () => {
    await type('### 2. A list that names it');
    const graph = await type('### 3. Is it right?');
    expect(graph).toMatch(/tell_oncall +executable, idempotent/);
    expect(graph).toMatch(/ticket -> note_end/);
    const misspelt = `sed -i 's/{{ instances.count/{{ instances.cuont/' ${FILE}; ! recovery-agent validate ${FILE}`;
    const received = await shell(misspelt);
    const [shown] = blocksOf('### 3. Is it right?').filter(({ kind }) => kind === 'text');
    // The position in the file precedes it on its line.
    const expected = shown?.text.replace(/:(\d+): /, (_, column: string) => `:${Number(column) + root.length}: `);
    expect(received).toContain(placed(expected ?? 'nothing is shown'));
    await type('### 2. A list that names it');
  });

  it('give a trial without the program, and one with it', async () => {
    rmSync(join(root, 'var/tmp/tell-oncall.log'));
    await type('### 4. What happens when …');
    expect(existsSync(join(root, 'var/tmp/tell-oncall.log'))).toBe(false);
    const received = await type('### 4. What happens when …', 1);
    expect(received).toContain('"call":"run"');
    expect(read('var/tmp/tell-oncall.log')).toMatch(/^host compute-1 failed with \d+ instances\n$/);
    expect(existsSync(join(root, 'var/tmp/recovered-compute-1-T-1'))).toBe(true);
  });

  it('and check and undo run as on the page', async () => {
    const received = await type('## When the engine dies');
    expect(received.match(/"metered": 0/g)).toHaveLength(2);
    expect(received.match(/Metering rolled back/g)).toHaveLength(1);
    expect(existsSync(join(root, 'var/tmp/metering.json'))).toBe(false);
  });
});

describe('the content of the page', () => {
  const drivers = ['executable', 'module', 'webhook', 'mail', 'mistral', 'recovery_action'];

  it.each(drivers)('as example of driver %s is read as it is', (driver) => {
    const [block] = blocksOf(`### ${driver}`).filter(({ kind }) => kind === 'ini');
    const { sections, problems } = parseDocument('page', new TextEncoder().encode(block?.text ?? ''));
    expect(problems.map(formatProblem)).toEqual([]);
    expect(sections[0]?.options.get('driver')?.value.text).toBe(driver);
  });
});
