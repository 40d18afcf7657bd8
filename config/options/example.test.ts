import { expect, test } from 'vitest';
import { DEFAULT_MAIN_FILE, loadConfiguration } from '../load.ts';
import { crashOptionOfFlow, FLOWS, optionOfFlow, PHASES } from '../pipelines/pipelines.ts';
import { renderExample } from './example.ts';
import { OPTIONS } from './options.ts';

const load = (text?: string) => {
  const files = new Map([['/etc/recovery-agent/custom-recovery-methods.conf', '']]);
  if (text !== undefined) files.set('/example', text);
  return loadConfiguration({
    mainFile: text === undefined ? undefined : '/example',
    readFile: (path) => {
      const content = files.get(path);
      return content === undefined ? undefined : { bytes: new TextEncoder().encode(content), mode: 0o600 };
    },
  });
};

const uncommented = renderExample().replaceAll(/^#(?=\[|[a-z_]+ =)/gm, '');

test('the example file means the same as none', () => {
  expect(load(renderExample())).toEqual(load());
});

test('it can be used with a file with task lists', () => {
  const text = '[taskflow_driver_recovery_flows]';
  const bytes = (content: string) => ({ bytes: new TextEncoder().encode(content), mode: 0o600 });
  const readFile = (path: string) => bytes(path === DEFAULT_MAIN_FILE ? renderExample() : text);
  expect(loadConfiguration({ readFile }).warnings).toEqual([]);
});

test('so it does with every option made effective', () => {
  const { hash, options, segments, pipelines, warnings } = load(uncommented);
  const defaults = load();
  expect(warnings).toEqual([]);
  expect({ options, segments, hash }).toEqual({
    options: defaults.options,
    segments: defaults.segments,
    hash: defaults.hash,
  });
  for (const flow of FLOWS) {
    for (const phase of PHASES) expect(pipelines[flow][phase]).toEqual(defaults.pipelines[flow][phase]);
  }
});

test('every option is in it', () => {
  const names = [
    ...OPTIONS.map((entry) => entry.spec.name),
    ...FLOWS.flatMap((flow) => [optionOfFlow(flow), crashOptionOfFlow(flow).name]),
  ];
  expect(Array.from(uncommented.matchAll(/^([a-z_]+) =/gm), (match) => match[1])).toEqual(names);
});

test('its lines fit a wide screen', () => {
  for (const line of renderExample().split('\n')) expect(line.length, line).toBeLessThanOrEqual(150);
});
