/** From the sections of a file to the options of the engine: each value by its kind, and the relations between them. */

import { didYouMean } from '../document/nearest.ts';
import { ENGINE_OPTIONS } from '../document/oslo/engine-registry.ts';
import { MONITOR_OPTIONS } from '../document/oslo/monitor-registry.ts';
import type { DocumentOption, DocumentSection } from '../document/parsed-document.ts';
import { errorAt, type Problem, warningAt } from '../document/problem.ts';
import { checkHostMonitor } from './host-relations.ts';
import type { OptionSpec } from './kinds.ts';
import { effectlessHint } from './masakari.ts';
import { type EngineOptions, OPTIONS, type OptionEntry, withDefaults } from './options.ts';
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
  return [...section.options.values()]
    .filter(({ name }) => !known.includes(name))
    .map((option) => unknownOption(section.name, option, known));
}

function unknownOption(section: string, { name, at, oslo }: DocumentOption, known: readonly string[]): Problem {
  const hint = effectlessHint(section, name);
  if (hint !== undefined) return warningAt(at, `"${name}" has no effect here${hint}`);
  const elsewhere = OPTIONS.find((entry) => entry.spec.name === name);
  const belongs = `does not belong to section [${section}] but to [${elsewhere?.section}]`;
  // Masakari ignores unknown options. An option that it reads and that has no effect here must not be lost silently.
  const isMasakaris = ENGINE_OPTIONS.get(section)?.has(name) || MONITOR_OPTIONS.get(section)?.has(name);
  if (oslo === 'named' && !isMasakaris) {
    const reason = elsewhere === undefined ? `is unknown to Masakari too${didYouMean(name, known)}` : belongs;
    return warningAt(at, `"${name}" has no effect: it ${reason}`);
  }
  return errorAt(at, elsewhere ? `"${name}" ${belongs}` : `unknown option "${name}"${didYouMean(name, known)}`);
}

/** Relations between options that are valid on their own but do not fit together. */
function checkRelations({ engine, nova }: EngineOptions, sections: Sections): Problem[] {
  const problems: Problem[] = [];
  const renewals = sections.get('engine')?.options;
  const lease = renewals?.get('lease_timeout') ?? renewals?.get('beat_interval');
  if (lease !== undefined && engine.leaseTimeoutMs <= engine.renewalIntervalMs) {
    const [timeout, interval] = [engine.leaseTimeoutMs / 1000, engine.renewalIntervalMs / 1000];
    const message = `"lease_timeout" (${timeout}) must be longer than "beat_interval" (${interval}), better three times as long`;
    problems.push(errorAt(lease.value.place(0), message));
  }
  const credentials = {
    os_privileged_user_name: nova.osPrivilegedUserName,
    os_privileged_user_password: nova.osPrivilegedUserPassword,
    os_privileged_user_tenant: nova.osPrivilegedUserTenant,
    os_privileged_user_auth_url: nova.osPrivilegedUserAuthUrl,
  };
  const defaults = sections.get('DEFAULT');
  const missing = Object.entries(credentials).flatMap(([name, value]) =>
    value === '' && !defaults?.unread.has(name) ? [name] : [],
  );
  const name = defaults?.options.get('os_privileged_user_name');
  if (name !== undefined && nova.osPrivilegedUserName !== '' && missing.length > 0) {
    const message = `"os_privileged_user_name" is of no use without ${missing.map((option) => `"${option}"`).join(' and ')}`;
    problems.push(warningAt(name.at, message));
  }
  return problems;
}
