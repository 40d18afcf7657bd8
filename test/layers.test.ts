/** The import rules between layers hold because Biome refuses an import that breaks them: shown with one violation for each rule. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIOME = join(ROOT, 'node_modules/@biomejs/cli-linux-x64/biome');
/** The rules of the checkout over an empty tree, so that no other test meets the probes. */
let tree: string;

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'recovery-agent-layers-'));
  for (const file of ['biome.json', '.gitignore']) copyFileSync(join(ROOT, file), join(tree, file));
});

afterAll(() => rmSync(tree, { recursive: true, force: true }));

/** Lints one import as if it were in a new file of a layer. */
function lint(layer: string, specifier: string, name = 'probe.ts'): string {
  // Nested one deeper than a real file of the layer, so relative specifiers are given accordingly.
  const directory = join(tree, layer, 'folder');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, name);
  writeFileSync(file, `import { probe } from '${specifier}';\n\nexport const used = probe;\n`);
  const { stdout, stderr } = spawnSync(BIOME, ['lint', '--only=style/noRestrictedImports', file], {
    encoding: 'utf8',
    cwd: tree,
  });
  return stdout + stderr;
}

describe('the import rules', () => {
  it.each([
    ['config', '#engine/cloud/cloud.ts'],
    ['config', '#protocol/views.ts'],
    ['config/document', '../../../protocol/views.ts'],
    ['protocol', '#config/load.ts'],
    ['protocol/identity', '../../../config/load.ts'],
    ['openstack', '#engine/cloud/cloud.ts'],
    ['openstack', '#monitors/host/watch.ts'],
    ['openstack', '#config/load.ts'],
    ['openstack/http', '#agents/main.ts'],
    ['openstack/keystone', '../../../protocol/clock.ts'],
    ['config', '#openstack/cloud-error.ts'],
    ['protocol', '#openstack/http/exchange.ts'],
    ['engine/journal', '#openstack/http/send.ts'],
    ['engine/tasks', '#openstack/keystone/session.ts'],
    ['engine/flow', '#openstack/http/send.ts'],
    ['engine/journal', '../../flow/plan.ts'],
    ['engine/journal', '../../intake/parked-reports.ts'],
    ['engine/journal', '#config/load.ts'],
    ['engine/cloud/nova', '../../../tasks/registry.ts'],
    ['engine/cloud/simulated', '../../../journal/journal.ts'],
    ['engine/flow', '../../tasks/registry.ts'],
    ['engine/tasks', '../../cloud/nova/nova-calls.ts'],
    ['engine/tasks', '../../service/engine.ts'],
    ['engine/task-drivers', '../../cloud/mistral/mistral-calls.ts'],
    ['engine/evacuation', '../../cloud/simulated/world.ts'],
    ['engine/incident', '../../service/engine.ts'],
    ['engine', '#agents/main.ts'],
    ['monitors', '#engine/service/engine.ts'],
    ['agents', '#test/world/recovery-world.ts'],
  ])('refuse that %s imports %s', (layer, specifier) => {
    expect(lint(layer, specifier)).toContain('noRestrictedImports');
  });

  it.each([
    ['engine/intake', 'node:fs'],
    ['engine/evacuation', 'undici'],
    ['monitors/host', 'node:fs'],
    ['engine/recovery', '../../clock/simulated.ts'],
    ['engine/recovery', '#protocol/clock.ts'],
    ['engine/evacuation', '#openstack/http/send.ts'],
  ])('refuse that a decision of %s imports %s', (layer, specifier) => {
    expect(lint(layer, specifier, 'probe-decision.ts')).toContain('a decision is pure');
  });

  it.each([
    ['engine', '#config/load.ts'],
    ['engine/journal', '../../intake/duplicate-decision.ts'],
    ['engine/tasks', '../../cloud/cloud.ts'],
    ['agents', '#engine/service/engine.ts'],
    ['engine/cloud/nova', '#openstack/http/send.ts'],
    ['engine/tasks', '#openstack/cloud-error.ts'],
    ['engine/journal', '#protocol/clock.ts'],
    ['monitors/outbox', '#openstack/keystone/session.ts'],
    ['openstack/http', '#protocol/clock.ts'],
    ['openstack', '../cloud-error.ts'],
    ['openstack/keystone', '#config/clouds/credentials.ts'],
  ])('allow that %s imports %s', (layer, specifier) => {
    expect(lint(layer, specifier)).not.toContain('noRestrictedImports');
  });
});
