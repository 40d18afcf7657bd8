import { expect, test } from 'vitest';
import type { TaskContract } from './check.ts';
import { DEFAULT_PIPELINES } from './default-lists.ts';
import { graphOf } from './flow-graph.ts';
import type { Pipeline } from './pipelines.ts';

const at = { file: 'f', line: 1, column: 1 };
const policy = { timeoutMs: 1, retries: 0, retryDelayMs: 0, onFailure: 'abort', parameters: new Map() } as const;

function contract(name: string, requires: string[], provides: string[], isRequested: string[] = []): TaskContract {
  return { name, requires, provides, references: isRequested.map((path) => ({ steps: path.split('.'), at })) };
}

function graph(pre: readonly TaskContract[], post: readonly TaskContract[] = []) {
  const pipeline: Pipeline = {
    pre: pre.map(({ name }) => name),
    main: [],
    post: post.map(({ name }) => name),
    places: { pre: [], main: [], post: [] },
    afterCrash: 'resume',
  };
  return graphOf('process', {
    pipelines: { ...DEFAULT_PIPELINES, process: pipeline },
    contracts: new Map([...pre, ...post].map((one) => [one.name, one])),
    definitions: new Map(),
    policyOf: () => policy,
  }).tasks;
}

test('a value comes from the flow or from the last task before that gives it', () => {
  const tasks = graph(
    [contract('a', ['host_name'], ['ticket']), contract('b', ['ticket'], ['ticket'])],
    [contract('c', [], [], ['ticket.id', 'host_name', 'ticket.url'])],
  );
  expect(tasks.map(({ name, phase, needs }) => ({ name, phase, needs }))).toEqual([
    { name: 'a', phase: 'pre', needs: [{ value: 'host_name', from: undefined }] },
    { name: 'b', phase: 'pre', needs: [{ value: 'ticket', from: 'a' }] },
    {
      name: 'c',
      phase: 'post',
      needs: [
        { value: 'ticket', from: 'b' },
        { value: 'host_name', from: undefined },
      ],
    },
  ]);
  expect(tasks.map(({ gives }) => gives)).toEqual([
    [{ value: 'ticket', to: ['b'] }],
    [{ value: 'ticket', to: ['c'] }],
    [],
  ]);
});

test('a value that no task uses goes to no task', () => {
  expect(graph([contract('a', [], ['ticket', 'url']), contract('b', [], [], ['url'])])[0]?.gives).toEqual([
    { value: 'ticket', to: [] },
    { value: 'url', to: ['b'] },
  ]);
});

test('an occurrence takes values from the one before it, and gives its own to those after it', () => {
  const ticket = contract('ticket', [], ['id']);
  const note = contract('note', [], [], ['id']);
  const tasks = graph([ticket, note], [ticket, note]);
  expect(tasks.map(({ name, needs, gives }) => [name, needs, gives])).toEqual([
    ['ticket', [], [{ value: 'id', to: ['note'] }]],
    ['note', [{ value: 'id', from: 'ticket' }], []],
    ['ticket#2', [], [{ value: 'id', to: ['note#2'] }]],
    ['note#2', [{ value: 'id', from: 'ticket#2' }], []],
  ]);
});
