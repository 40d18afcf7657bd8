/**
 * Failover segments: which hosts belong together, and by which method a failed one is recovered.
 *
 * Invariant: a host name occurs at most once in all segments, as host or as reserved host.
 */

import { HOST_NAME_RULE, isEqualHost, isHostName, isSameHost, matchHost } from '#protocol/host-name.ts';
import { didYouMean } from '../document/nearest.ts';
import type { DocumentSection } from '../document/parsed-document.ts';
import { errorAt, formatPosition, type Position, type Problem, warningAt } from '../document/problem.ts';
import { ANY_TEXT, choice, flag, listItems, NAME, shown, text } from './kinds.ts';
import { type AcceptedProof, acceptedProofs } from './proofs.ts';
import { type Sections, valueIn } from './read-options.ts';

export const RECOVERY_METHODS = ['auto', 'reserved_host', 'auto_priority', 'rh_priority'] as const;
export type RecoveryMethod = (typeof RECOVERY_METHODS)[number];

export interface FailoverSegment {
  readonly name: string;
  readonly recoveryMethod: RecoveryMethod;
  /** Failures in a disabled segment are parked. */
  readonly enabled: boolean;
  /** `every`: the only segment of a configuration without segments. */
  readonly hosts: 'every' | readonly string[];
  /** In the order in which they are used. */
  readonly reservedHosts: readonly string[];
  /** Null: as [host_failure] accepted_proofs. */
  readonly acceptedProofs: readonly AcceptedProof[] | null;
  readonly serviceType: string;
  readonly description: string;
}

/** Used if no segment is written: every host, method auto. */
export const DEFAULT_SEGMENT: FailoverSegment = {
  name: 'default',
  recoveryMethod: 'auto',
  enabled: true,
  hosts: 'every',
  reservedHosts: [],
  acceptedProofs: null,
  serviceType: 'COMPUTE',
  description: '',
};

/** The hosts that a segment names, reserved ones last; none if it contains every host. */
export function segmentHosts({ hosts, reservedHosts }: FailoverSegment): readonly string[] {
  return hosts === 'every' ? reservedHosts : [...hosts, ...reservedHosts];
}

/**
 * The segment a host belongs to, as host or as reserved host. A short name, a full name or another case of a name is the same host where
 * only one can be meant.
 */
export function segmentOf(segments: readonly FailoverSegment[], host: string): FailoverSegment | undefined {
  const isOf = (segment: FailoverSegment, name: string): boolean =>
    segment.hosts === 'every' || segment.hosts.includes(name) || segment.reservedHosts.includes(name);
  const exact = segments.find((segment) => isOf(segment, host));
  if (exact) return exact;
  const found = matchHost(host, segments.flatMap(segmentHosts));
  return found.match === 'one' ? segments.find((segment) => isOf(segment, found.name)) : undefined;
}

/** A section of this name and a blank and the name of the segment. */
export const SEGMENT_SECTION = 'failover_segment';

const METHOD = choice('recovery_method', 'auto', RECOVERY_METHODS, 'How a failed host is recovered.');
const ENABLED = flag('enabled', true, 'Failures in a disabled segment are parked.');
const SERVICE_TYPE = text('service_type', 'COMPUTE', NAME, 'What kind of service the hosts run.');
const DESCRIPTION = text('description', '', ANY_TEXT, 'For people.');
const HOST_LISTS = ['hosts', 'reserved_hosts'] as const;
/** The options of such a section besides the two lists of hosts. */
export const SEGMENT_OPTIONS = [METHOD, ENABLED, acceptedProofs, SERVICE_TYPE, DESCRIPTION] as const;
const OPTION_NAMES: readonly string[] = [...HOST_LISTS, ...SEGMENT_OPTIONS.map((spec) => spec.name)];

/** The name of the segment a section describes; nothing if it describes none. */
export function segmentNameOf(section: DocumentSection): string | undefined {
  const [word = '', ...rest] = section.name.split(/\s+/);
  return word === SEGMENT_SECTION ? rest.join(' ') : undefined;
}

export function readSegments(sections: Sections): {
  readonly segments: readonly FailoverSegment[];
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const segments: FailoverSegment[] = [];
  const names = new Map<string, Position>();
  const hosts = new Map<string, Position>();
  for (const section of sections.values()) {
    const name = segmentNameOf(section);
    if (name === undefined) continue;
    const earlier = names.get(name);
    if (name === '' || name.length > 255) {
      problems.push(errorAt(section.at, `a segment needs a name of at most 255 characters: [${SEGMENT_SECTION} NAME]`));
    } else if (earlier !== undefined) {
      problems.push(errorAt(section.at, `segment "${name}" is already defined at ${formatPosition(earlier)}`));
    } else names.set(name, section.at);
    segments.push(readSegment(name, section, hosts, problems));
  }
  return { segments: segments.length === 0 ? [DEFAULT_SEGMENT] : segments, problems };
}

function readSegment(
  name: string,
  section: DocumentSection,
  taken: Map<string, Position>,
  problems: Problem[],
): FailoverSegment {
  for (const option of section.options.values()) {
    if (OPTION_NAMES.includes(option.name)) continue;
    problems.push(errorAt(option.at, `unknown option "${option.name}"${didYouMean(option.name, OPTION_NAMES)}`));
  }
  const recoveryMethod = valueIn(section, METHOD, problems) ?? METHOD.fallback;
  const hosts = readHosts(section, 'hosts', taken, problems);
  const reservedHosts = readHosts(section, 'reserved_hosts', taken, problems);
  if (hosts.length === 0) problems.push(warningAt(section.at, `segment "${name}" has no hosts`));
  if (recoveryMethod !== 'auto' && reservedHosts.length === 0) {
    const at = section.options.get(METHOD.name)?.at ?? section.at;
    problems.push(warningAt(at, `segment "${name}" has no reserved hosts for its recovery method ${recoveryMethod}`));
  }
  return {
    name,
    recoveryMethod,
    enabled: valueIn(section, ENABLED, problems) ?? ENABLED.fallback,
    hosts,
    reservedHosts,
    acceptedProofs: valueIn(section, acceptedProofs, problems) ?? null,
    serviceType: valueIn(section, SERVICE_TYPE, problems) ?? SERVICE_TYPE.fallback,
    description: valueIn(section, DESCRIPTION, problems) ?? DESCRIPTION.fallback,
  };
}

function readHosts(
  section: DocumentSection,
  list: (typeof HOST_LISTS)[number],
  taken: Map<string, Position>,
  problems: Problem[],
): readonly string[] {
  const value = section.options.get(list)?.value;
  const hosts: string[] = [];
  for (const { text: host, offset } of value === undefined ? [] : listItems(value.text)) {
    if (value === undefined) break;
    const at = value.place(offset);
    const like = [...taken].filter(([name]) => isSameHost(name, host));
    const [, earlier] = like.find(([name]) => isEqualHost(name, host)) ?? [];
    if (!isHostName(host)) {
      problems.push(errorAt(at, `${shown(host)} is no host name: ${HOST_NAME_RULE}`));
    } else if (earlier !== undefined) {
      problems.push(
        errorAt(
          at,
          `host "${host}" is already named at ${formatPosition(earlier)}; a host belongs to one segment, once`,
        ),
      );
    } else {
      for (const [name, place] of like) {
        const cure = 'if they are one host, remove one; if not, write both names in full';
        problems.push(warningAt(at, `"${host}" and "${name}" (${formatPosition(place)}) may name one host; ${cure}`));
      }
      taken.set(host, at);
      hosts.push(host);
    }
  }
  return hosts;
}
