import { expect, test } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import { createSources, sourceNames } from './registry.ts';

const options = (more: Partial<EngineOptions['hostMonitor']>): EngineOptions => ({
  ...DEFAULT_OPTIONS,
  hostMonitor: { ...DEFAULT_OPTIONS.hostMonitor, ...more },
});

test.each<[Partial<EngineOptions['hostMonitor']>, readonly string[]]>([
  [{}, ['pacemaker']],
  [{ monitoringDriver: 'consul' }, ['consul']],
  [{ monitoringDriver: 'consul', sources: ['pacemaker', 'ping'] }, ['pacemaker', 'ping']],
])('%j uses %j', (more, expected) => {
  expect(sourceNames(options(more))).toEqual(expected);
});

test('sources are created in the order of the options', async () => {
  const sources = await createSources(options({ sources: ['pacemaker'] }), 'n1');
  expect(sources.map(({ name }) => name)).toEqual(['pacemaker']);
});
