/** From the sections of a file to the options of the engine: each value by its kind, and the relations between them. */

import type { DocumentSection } from './document.ts';
import { checkHostMonitor } from './host-relations.ts';
import type { OptionSpec } from './kinds.ts';
import { effectlessHint } from './masakari-options.ts';
import { didYouMean } from './nearest.ts';
import { type EngineOptions, OPTIONS, type OptionEntry, withDefaults } from './options.ts';
import { errorAt, type Problem, warningAt } from './problem.ts';
import { checkTransport } from './transport-relations.ts';

export type Sections = ReadonlyMap<string, DocumentSection>;

/** The sections that hold options of the engine. */
export const OPTION_SECTIONS: ReadonlySet<string> = new Set(OPTIONS.map((entry) => entry.section));

/** The value of one option in a section; undefined if it is not there, or wrong, which is then a problem. */
export function valueIn<T>(
  section: DocumentSection | undefined,
  spec: OptionSpec<T>,
  problems: Problem[],
): T | undefined {
  const option = section?.options.get(spec.name);
  if (option === undefined) return undefined;
  const parsed = spec.parse(option.value.text);
  if ('value' in parsed) return parsed.value;
  problems.push(errorAt(option.value.place(parsed.offset ?? 0), `"${spec.name}" ${parsed.fault}`));
  return undefined;
}

export function readOptions(sections: Sections): {
  readonly options: EngineOptions;
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const given = new Map<OptionEntry, unknown>();
  for (const entry of OPTIONS) {
    const value = valueIn(sections.get(entry.section), entry.spec, problems);
    if (value !== undefined) given.set(entry, value);
  }
  for (const name of OPTION_SECTIONS) {
    const section = sections.get(name);
    if (section !== undefined) problems.push(...unknownOptions(section));
  }
  const options = withDefaults(given);
  problems.push(
    ...checkRelations(options, sections),
    ...checkTransport(options, sections.get('transport')),
    ...checkHostMonitor(options, sections.get('host')),
  );
  return { options, problems };
}

function unknownOptions(section: DocumentSection): Problem[] {
  const known = OPTIONS.filter((entry) => entry.section === section.name).map((entry) => entry.spec.name);
  const problems: Problem[] = [];
  for (const { name, at } of section.options.values()) {
    if (known.includes(name)) continue;
    const hint = effectlessHint(section.name, name);
    const elsewhere = OPTIONS.find((entry) => entry.spec.name === name);
    if (hint !== undefined) problems.push(warningAt(at, `"${name}" has no effect here${hint}`));
    else if (elsewhere !== undefined) {
      const message = `"${name}" does not belong to section [${section.name}] but to [${elsewhere.section}]`;
      problems.push(errorAt(at, message));
    } else problems.push(errorAt(at, `unknown option "${name}"${didYouMean(name, known)}`));
  }
  return problems;
}

/** What holds between options: each is right for itself, and still they do not fit together. */
function checkRelations({ engine, nova }: EngineOptions, sections: Sections): Problem[] {
  const problems: Problem[] = [];
  const beats = sections.get('engine')?.options;
  const lease = beats?.get('lease_timeout') ?? beats?.get('beat_interval');
  if (lease !== undefined && engine.leaseTimeoutMs <= engine.beatIntervalMs) {
    const [timeout, interval] = [engine.leaseTimeoutMs / 1000, engine.beatIntervalMs / 1000];
    const message = `"lease_timeout" (${timeout}) must be longer than "beat_interval" (${interval}), better three times as long`;
    problems.push(errorAt(lease.value.place(0), message));
  }
  const credentials = {
    os_privileged_user_name: nova.osPrivilegedUserName,
    os_privileged_user_password: nova.osPrivilegedUserPassword,
    os_privileged_user_tenant: nova.osPrivilegedUserTenant,
    os_privileged_user_auth_url: nova.osPrivilegedUserAuthUrl,
  };
  const missing = Object.entries(credentials).flatMap(([name, value]) => (value === '' ? [name] : []));
  const name = sections.get('DEFAULT')?.options.get('os_privileged_user_name');
  if (name !== undefined && nova.osPrivilegedUserName !== '' && missing.length > 0) {
    const message = `"os_privileged_user_name" is of no use without ${missing.map((option) => `"${option}"`).join(' and ')}`;
    problems.push(warningAt(name.at, message));
  }
  return problems;
}
