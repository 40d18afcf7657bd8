/** The tables of Masakari's options, compared with what its programs register. */
import { beforeAll, describe, expect, test } from 'vitest';
import { ENGINE_OPTIONS } from '#config/document/oslo/engine-registry.ts';
import { MONITOR_OPTIONS } from '#config/document/oslo/monitor-registry.ts';
import type { Kind, Registry } from '#config/document/oslo/registry.ts';
import { effectlessHint, effectlessSectionHint, MASAKARI_SECTIONS } from '#config/options/masakari.ts';
import { OPTIONS } from '#config/options/options.ts';
import { FLOWS_SECTION } from '#config/pipelines/pipelines.ts';
import { installReleases, type Release } from './install.ts';
import { type RegisteredThere, registryOf } from './reading.ts';
import type { Program } from './scene.ts';

const PROGRAMS: readonly (readonly [Program, Registry])[] = [
  ['engine', ENGINE_OPTIONS],
  ['monitors', MONITOR_OPTIONS],
];
const TYPES: Readonly<Record<Kind, readonly string[]>> = {
  // `type` is Python's own `str`.
  text: ['String', 'URI', 'Hostname', 'HostAddress', 'HostDomain', 'type'],
  host: ['HostAddress', 'HostDomain', 'Hostname'],
  secret: ['String', 'URI'],
  whole: ['Integer', 'Port'],
  flag: ['Boolean'],
};

let registered: readonly (readonly [Release, Program, Registry, readonly RegisteredThere[]])[];
beforeAll(async () => {
  const releases = await installReleases();
  registered = await Promise.all(
    releases.flatMap((release) =>
      PROGRAMS.map(async ([program, ours]) => [release, program, ours, await registryOf(release, program)] as const),
    ),
  );
});

describe('the table of references', () => {
  test('has kind and default of each option as both releases register it', () => {
    const wrong = registered.flatMap(([release, program, ours, theirs]) =>
      [...ours].flatMap(([section, options]) =>
        [...options].flatMap(([name, { kind, fallback }]) => {
          const found = theirs.find((each) => each.section === section && each.name === name);
          const at = `${release.name} ${program} [${section}] ${name}`;
          if (found === undefined) return [`${at}: not registered`];
          const isKind = TYPES[kind].includes(found.type) && !found.multi && (kind === 'secret' || !found.secret);
          if (!isKind) return [`${at}: ${kind}, registered as ${found.type}${found.secret ? ', secret' : ''}`];
          const isSame = fallback === undefined || fallback === (found.default ?? '');
          return isSame ? [] : [`${at}: ${JSON.stringify(fallback)}, registered with ${JSON.stringify(found.default)}`];
        }),
      ),
    );
    expect(wrong).toEqual([]);
  });
});

describe('each option that Masakari registers', () => {
  const isKnown = (section: string, name: string): boolean =>
    effectlessSectionHint(section) !== undefined ||
    effectlessHint(section, name) !== undefined ||
    section === FLOWS_SECTION ||
    OPTIONS.some((entry) => entry.section === section && entry.spec.name === name);

  test('has an effect here, or is known to have none; so has each old name', () => {
    const unknown = registered.flatMap(([, , , theirs]) =>
      theirs.flatMap(({ section: own, name, old }) =>
        [`${own}.${name}`, ...old].filter((path) => {
          const dot = path.indexOf('.');
          const section = path.slice(0, dot);
          return !isKnown(section === 'DEFAULT' ? section : section.toLowerCase(), path.slice(dot + 1));
        }),
      ),
    );
    // It is refused: here it belongs to [host].
    expect([...new Set(unknown)]).toEqual(['consul.matrix_config_file']);
  });

  test('is in a section of Masakari where it has an effect', () => {
    const sections = new Set(registered.flatMap(([, , , theirs]) => theirs.map(({ section }) => section)));
    for (const section of MASAKARI_SECTIONS) expect(sections).toContain(section);
  });
});
