import { describe, expect, test } from 'vitest';
import { withPath } from './task-paths.ts';

const FILE = '/etc/recovery-agent/methods.conf';

describe('a path in a definition', () => {
  test.each([
    ['./alert.sh', '/etc/recovery-agent/alert.sh'],
    ['../tasks/alert.sh', '/etc/tasks/alert.sh'],
    ['/opt/../alert.sh', '/opt/../alert.sh'],
    ['', ''],
    [
      ['./alert.sh', './not-a-path', '{{ host_name }}'],
      ['/etc/recovery-agent/alert.sh', './not-a-path', '{{ host_name }}'],
    ],
    [[], []],
  ])('%j leads to %j', (given, expected) => {
    expect(withPath(given, FILE)).toEqual(expected);
  });

  test('of a workflow among actions is resolved, and nothing else of them', () => {
    const params = { workflow_name: './w', inputs: { definition_file: './x' } };
    expect(
      withPath([{ name: 'WORKFLOW', params: { ...params, definition_file: './w.yaml' } }, { name: 'REBOOT' }], FILE),
    ).toEqual([
      { name: 'WORKFLOW', params: { ...params, definition_file: '/etc/recovery-agent/w.yaml' } },
      { name: 'REBOOT' },
    ]);
  });
});
