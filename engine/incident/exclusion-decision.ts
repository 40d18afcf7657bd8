/**
 * Which instances of a failed host are left where they are. Pure.
 *
 * Invariant: a property that Nova does not show excludes no instance: a missing right must not leave instances on a dead host.
 */
import type { TaskSettings } from '#config/options/task-settings.ts';
import type { Instance } from '../cloud/cloud.ts';
import { isHaEnabled, isTrue, planMove } from '../evacuation/original-state-decision.ts';

export type ExclusionSettings = Pick<
  TaskSettings,
  | 'excludedNames'
  | 'excludedFlavors'
  | 'excludedImages'
  | 'excludedTags'
  | 'excludedMetadata'
  | 'evacuableOnly'
  | 'evacuableTag'
  | 'evacuableImages'
>;

type Described = Pick<Instance, 'name' | 'metadata' | 'properties'>;

/** The option that excludes an instance, and its value; null: none does. */
export function whyExcluded(instance: Described, settings: ExclusionSettings): string | null {
  const { name, metadata, properties } = instance;
  const { flavor = null, image = null, tags = null } = properties ?? {};
  const found: readonly (readonly [option: string, value: string | undefined])[] = [
    ['exclude_names', matching(settings.excludedNames, name)],
    ['exclude_flavors', matching(settings.excludedFlavors, flavor)],
    ['exclude_images', matching(settings.excludedImages, image)],
    ['exclude_tags', settings.excludedTags.find((tag) => tags?.includes(tag))],
    ['exclude_metadata', settings.excludedMetadata.find((entry) => hasMetadata(metadata, entry))],
  ];
  const [first] = found.filter(([, value]) => value !== undefined);
  if (first) return `excluded by [order] ${first[0]} ${first[1]}`;
  return settings.evacuableOnly && !isEvacuable(instance, settings)
    ? `excluded by [order] evacuable_only: neither its flavor has the extra spec ${settings.evacuableTag}, nor is its image in evacuable_images`
    : null;
}

/** The options that cannot be applied to an instance, since Nova hides the property by which they decide. */
export function notApplied({ properties }: Described, settings: ExclusionSettings): readonly string[] {
  const { flavor = null, extraSpecs = null, image = null, tags = null } = properties ?? {};
  const needed: readonly (readonly [option: string, isSet: boolean, property: unknown])[] = [
    ['exclude_flavors', settings.excludedFlavors.length > 0, flavor],
    ['exclude_images', settings.excludedImages.length > 0, image],
    ['exclude_tags', settings.excludedTags.length > 0, tags],
    ['evacuable_only', settings.evacuableOnly, extraSpecs],
  ];
  return needed.filter(([, isSet, property]) => isSet && property === null).map(([option]) => option);
}

/** The first of the patterns that a text matches. An instance that boots from a volume has an empty image, which none matches. */
function matching(patterns: readonly string[], text: string | null): string | undefined {
  return text === null || text === '' ? undefined : patterns.find((pattern) => matches(pattern, text));
}

/** `*` any text, `?` one character. In time proportional to the product of the lengths: names are chosen by tenants. */
export function matches(pattern: string, text: string): boolean {
  const wanted = [...pattern];
  let reached = new Set([0]);
  const skipStars = (ends: Set<number>): Set<number> => {
    for (const end of ends) if (wanted[end] === '*') ends.add(end + 1);
    return ends;
  };
  reached = skipStars(reached);
  for (const character of text) {
    const next = new Set<number>();
    for (const end of reached) {
      if (wanted[end] === '*') next.add(end);
      else if (wanted[end] === '?' || wanted[end] === character) next.add(end + 1);
    }
    reached = skipStars(next);
  }
  return reached.has(wanted.length);
}

/** @param entry KEY, whose value must be true, or KEY=VALUE */
function hasMetadata(metadata: Instance['metadata'], entry: string): boolean {
  const [key = '', ...rest] = entry.split('=');
  const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
  if (value === undefined) return false;
  return rest.length === 0 ? isTrue(value) : value === rest.join('=');
}

/**
 * As RHOSO marks flavors: an extra spec whose key contains the tag, with the value true. RHOSO marks images by their own tags, which Nova
 * does not list; they are named in an option.
 */
function isEvacuable(
  { properties }: Described,
  { evacuableTag, evacuableImages }: Pick<ExclusionSettings, 'evacuableTag' | 'evacuableImages'>,
): boolean {
  const { extraSpecs = null, image = null } = properties ?? {};
  if (extraSpecs === null) return true;
  const isMarked = Object.entries(extraSpecs).some(
    ([key, value]) => key.includes(evacuableTag) && value.toLowerCase() === 'true',
  );
  return isMarked || matching(evacuableImages, image) !== undefined;
}

export type Selection = ExclusionSettings &
  Pick<TaskSettings, 'evacuateAllInstances' | 'hostHaKey' | 'ignoreInstancesInErrorState'>;

/** Whether the recovery of a host moves an instance at all. */
export function isEvacuated(instance: Instance, selection: Selection): boolean {
  if (planMove(instance).move === 'no') return false;
  const haEnabled = isHaEnabled(instance.metadata, selection.hostHaKey);
  return whyLeft({ vmState: instance.vmState, haEnabled }, instance, selection) === null;
}

/** Why an instance is not moved. */
export interface Left {
  readonly by: 'state' | 'mark' | 'exclusion';
  readonly reason: string;
}

/** @param listed as Nova lists it; null: it cannot be excluded */
export function whyLeft(
  { vmState, haEnabled }: { readonly vmState: string; readonly haEnabled: boolean },
  listed: Described | null,
  selection: Selection,
): Left | null {
  if (vmState === 'error' && selection.ignoreInstancesInErrorState) {
    return { by: 'state', reason: "it is in 'error' state, and ignore_instances_in_error_state is set" };
  }
  if (!haEnabled && !selection.evacuateAllInstances) {
    return { by: 'mark', reason: `it is not marked by ${selection.hostHaKey}, and evacuate_all_instances is false` };
  }
  const excluded = listed && whyExcluded(listed, selection);
  return excluded === null ? null : { by: 'exclusion', reason: excluded };
}
