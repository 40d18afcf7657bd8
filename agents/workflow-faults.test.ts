import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Program } from '#test/world/engine-world.ts';

const EXAMPLES = fileURLToPath(new URL('../docs/examples/pipelines/', import.meta.url));
const LISTS = `[taskflow_driver_recovery_flows]\nhost_auto_failure_recovery_tasks = main:['move']\n`;
const MISTRAL = `[move]\ndriver = mistral\nworkflow_name = w\ndefinition_file = FILE\n`;
const ACTION = `[move]\ndriver = recovery_action
actions = [{name: WORKFLOW, params: {workflow_name: w, definition_file: FILE}}]\n`;
const DEFINITION = 'version: "2.0"\nw: {tasks: {one: {action: std.noop}}}\n';

async function validate(
  methods: string,
  definition: string,
  mode: number,
): Promise<{ code: number | null; stdout: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-test-'));
  try {
    const file = join(directory, 'w.yaml');
    if (definition !== '') writeFileSync(file, definition);
    if (definition !== '') chmodSync(file, mode);
    writeFileSync(join(directory, 'methods.conf'), methods.replace('FILE', file), { mode: 0o600 });
    const { code, stdout } = await new Program(['validate', join(directory, 'methods.conf')]).ended;
    return { code, stdout };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('files with definitions of workflows', { timeout: 60_000 }, () => {
  it.each([
    ['that are not there', MISTRAL, '', 0, /:6:19: task "move": the definition of the workflow, .*does not exist/],
    ['that others can write to', MISTRAL, DEFINITION, 0o666, /others than the owner can write to .*chmod go-w/],
    ['of another workflow', MISTRAL, 'version: "2.0"\nv: {}\n', 0o644, /defines no workflow called w, but v/],
    ['that are no definitions', ACTION, 'just a text', 0o644, /it is no definition: there is no "version"/],
    ['that are not YAML', ACTION, 'a: [', 0o644, /:5:11: .*cannot be used: .*[^:]$/m],
  ])('%s are refused by validate', async (_, section, definition, mode, message) => {
    expect(await validate(`${LISTS}${section}`, definition, mode)).toEqual({
      code: 1,
      stdout: expect.stringMatching(message),
    });
  });

  it.each([
    ['by its name', MISTRAL],
    ['by a name with a value in it', MISTRAL.replace('= w', '= {{ host_name }}')],
    ['in a chain of actions', ACTION],
  ])('are taken: %s', async (_, section) => {
    expect(await validate(`${LISTS}${section}`, DEFINITION, 0o644)).toMatchObject({ code: 0 });
  });
});

it.each(['mistral.conf', 'senlin-actions.conf'])('the example %s is valid', async (name) => {
  const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-test-'));
  try {
    const definition = join(directory, 'host-evacuate.yaml');
    copyFileSync(join(EXAMPLES, 'host-evacuate.yaml'), definition);
    chmodSync(definition, 0o600);
    const text = readFileSync(join(EXAMPLES, name), 'utf8');
    writeFileSync(
      join(directory, name),
      text.replace('/usr/share/doc/recovery-agent/examples/pipelines/host-evacuate.yaml', definition),
      {
        mode: 0o600,
      },
    );
    const { code, stdout } = await new Program(['validate', join(directory, name)]).ended;
    expect([code, stdout]).toEqual([0, expect.stringMatching(/is valid\.$/m)]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
