import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TASK_SETTINGS, type TaskSettings } from '#config/options/task-settings.ts';
import type { Instance } from '../cloud/cloud.ts';
import { isEvacuated, matches, notApplied, whyExcluded } from './exclusion-decision.ts';

const instance: Instance = {
  uuid: 'i',
  name: 'tmp-build-7',
  host: 'c1',
  vmState: 'active',
  taskState: null,
  powerState: 1,
  locked: false,
  metadata: { tier: 'batch', no_ha: 'True' },
  projectId: 'p',
  userId: 'u',
  properties: { flavor: 'gpu.large', extraSpecs: { evacuable: 'true' }, image: 'image-1', tags: ['scratch'] },
};

const settings = (change: Partial<TaskSettings>): TaskSettings => ({ ...DEFAULT_TASK_SETTINGS, ...change });

describe('an instance is left', () => {
  it.each<[Partial<TaskSettings>, string]>([
    [{ excludedNames: ['db-*', 'tmp-*'] }, 'exclude_names tmp-*'],
    [{ excludedFlavors: ['gpu.*'] }, 'exclude_flavors gpu.*'],
    [{ excludedImages: ['*'] }, 'exclude_images *'],
    [{ excludedTags: ['scratch'] }, 'exclude_tags scratch'],
    [{ excludedMetadata: ['no_ha'] }, 'exclude_metadata no_ha'],
    [{ excludedMetadata: ['tier=batch'] }, 'exclude_metadata tier=batch'],
    [{ evacuableOnly: true, evacuableTag: 'other' }, 'evacuable_only: neither its flavor has the extra spec other'],
  ])('by %j', (change, option) => {
    expect(whyExcluded(instance, settings(change))).toContain(`excluded by [order] ${option}`);
    expect(isEvacuated(instance, settings(change))).toBe(false);
  });
});

describe('an instance is evacuated', () => {
  it.each<[string, Partial<TaskSettings>, Partial<Instance>]>([
    ['by default', {}, {}],
    ['if no pattern matches its whole name', { excludedNames: ['tmp', 'build-*', 'TMP-*'] }, {}],
    ['if the key of its metadata is not true', { excludedMetadata: ['no_ha'] }, { metadata: { no_ha: 'false' } }],
    ['if its metadata has another value', { excludedMetadata: ['tier=web', 'tier'] }, {}],
    ['if it boots from a volume, although every image is excluded', { excludedImages: ['*'] }, volume('')],
    ['if Nova hides its image', { excludedImages: ['*'] }, volume(null)],
    ['if Nova hides its properties', { excludedFlavors: ['*'], excludedTags: ['scratch'] }, hidden()],
    ['if its flavor is marked', { evacuableOnly: true }, {}],
    ['if a composed extra spec is marked', { evacuableOnly: true }, specs({ 'trait:CUSTOM_evacuable': 'TRUE' })],
    ['if its image counts as marked', { evacuableOnly: true, evacuableImages: ['image-?'] }, specs({})],
    ['if Nova hides the extra specs', { evacuableOnly: true }, specs(null)],
  ])('%s', (_, change, difference) => {
    expect(isEvacuated({ ...instance, ...difference }, settings(change))).toBe(true);
  });
});

function properties(change: Partial<NonNullable<Instance['properties']>>): Partial<Instance> {
  const known = { flavor: 'gpu.large', extraSpecs: {}, image: 'image-1', tags: [] };
  return { properties: { ...known, ...change } };
}

function volume(image: string | null): Partial<Instance> {
  return properties({ image });
}

function specs(extraSpecs: Readonly<Record<string, string>> | null): Partial<Instance> {
  return properties({ extraSpecs });
}

function hidden(): Partial<Instance> {
  return properties({ flavor: null, tags: null });
}

it.each<[Partial<TaskSettings>, Partial<Instance>, readonly string[]]>([
  [{ excludedFlavors: ['a'], excludedTags: ['t'] }, hidden(), ['exclude_flavors', 'exclude_tags']],
  [{ excludedImages: ['a'] }, volume(null), ['exclude_images']],
  [{ excludedImages: ['a'] }, volume(''), []],
  [{ evacuableOnly: true }, specs(null), ['evacuable_only']],
  [{ excludedNames: ['a'], excludedMetadata: ['m'] }, hidden(), []],
])('with %j and %j the options that cannot be applied are %j', (change, difference, options) => {
  expect(notApplied({ ...instance, ...difference }, settings(change))).toEqual(options);
});

describe('a pattern', () => {
  it('matches as the regular expression of its parts does', () => {
    const letters = fc.constantFrom('a', 'b', '.', '*', '?');
    const texts = fc.array(letters, { maxLength: 8 }).map((all) => all.join(''));
    fc.assert(
      fc.property(texts, texts, (pattern, text) => {
        const parts = pattern.replaceAll(/[*?.]/g, (found) => ({ '*': '.*', '?': '.', '.': '\\.' })[found] ?? found);
        expect(matches(pattern, text)).toBe(new RegExp(`^${parts}$`, 's').test(text));
      }),
    );
  });

  it('with many stars takes no longer for a text that almost matches', () => {
    const began = performance.now();
    expect(matches(`${'*a'.repeat(30)}*b`, 'a'.repeat(255))).toBe(false);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
