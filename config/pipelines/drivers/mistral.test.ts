import { expect, it } from 'vitest';
import { parseDocument } from '../../document/document.ts';
import type { Problem } from '../../document/problem.ts';
import { readCustomTask } from '../custom-tasks.ts';

it.each([
  ['inputs = {a: 1}', 'task "move" needs the option "workflow_name": The name or id of the workflow.'],
  ['workflow_name = w\ninputs = [1]', '"inputs" takes names with values: {name: value}'],
  ['workflow_name = w\nafter_crash = idempotent', 'a task with driver mistral can be check, not idempotent'],
  ['workflow_name = w\ndefinition_file = w.yaml', expect.stringMatching(/"definition_file".*path/)],
])('a workflow with %j is refused', (options, message) => {
  const problems: Problem[] = [];
  const [section] = parseDocument('f', Buffer.from(`[move]\ndriver = mistral\n${options}\n`)).sections;
  expect(section && readCustomTask(section, problems)).toBeUndefined();
  expect(problems.map((problem) => problem.message)).toEqual([message]);
});
