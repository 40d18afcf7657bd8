/** The import rules between rooms hold because Biome refuses what breaks them: shown with one violation for each rule. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIOME = join(ROOT, 'node_modules/@biomejs/cli-linux-x64/biome');
const made: string[] = [];

/** Lints one import as if it stood in a new file of a room. */
function lint(room: string, specifier: string): string {
  const directory = mkdtempSync(join(ROOT, room, 'rooms-test-'));
  made.push(directory);
  // Nested one deeper than a real file of the room, so relative specifiers are given accordingly.
  const file = join(directory, 'probe.ts');
  writeFileSync(file, `import { probe } from '${specifier}';\n\nexport const used = probe;\n`);
  const { stdout, stderr } = spawnSync(BIOME, ['lint', '--only=style/noRestrictedImports', file], {
    encoding: 'utf8',
    cwd: ROOT,
  });
  rmSync(directory, { recursive: true, force: true });
  return stdout + stderr;
}

afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

describe('the import rules', () => {
  it.each([
    ['config', '#engine/cloud/cloud.ts'],
    ['config', '#protocol/views.ts'],
    ['protocol', '#config/load.ts'],
    ['engine/journal', '../../flow/plan.ts'],
    ['engine/journal', '#config/load.ts'],
    ['engine/cloud/openstack', '../../../tasks/registry.ts'],
    ['engine/cloud/simulated', '../../../journal/journal.ts'],
    ['engine/recovery', 'node:fs'],
    ['engine/recovery', '../../tasks/registry.ts'],
    ['engine/flow', '../../tasks/registry.ts'],
    ['engine/tasks', '../../cloud/openstack/nova.ts'],
    ['engine/tasks', '../../resident/engine.ts'],
    ['engine', '#agents/main.ts'],
    ['agents', '#test/world/recovery-world.ts'],
  ])('refuse that %s imports %s', (room, specifier) => {
    expect(lint(room, specifier)).toContain('noRestrictedImports');
  });

  it.each([
    ['engine', '#config/load.ts'],
    ['engine/tasks', '../../cloud/cloud.ts'],
    ['agents', '#engine/resident/engine.ts'],
  ])('allow that %s imports %s', (room, specifier) => {
    expect(lint(room, specifier)).not.toContain('noRestrictedImports');
  });
});
