/** Options of the order in which the instances of a failed host are evacuated, and of those that are left: section order. */
import { choice, flag, NAME, seenByTasks, text, texts, withExample } from './kinds.ts';

export const order = {
  priorityMetadataKey: seenByTasks(
    'orderPriorityKey',
    text(
      'priority_metadata_key',
      'instanceha:restart_priority',
      NAME,
      'Metadata key of the priority of an instance: 1 to 1000, higher first, 500 without it.',
    ),
  ),
  groupMetadataKey: seenByTasks(
    'orderGroupKey',
    text(
      'group_metadata_key',
      'instanceha:restart_group',
      NAME,
      'Metadata key of the restart group: the instances of a project with the same value have the priority of the highest of them.',
    ),
  ),
  phases: seenByTasks(
    'orderPhases',
    choice(
      'phases',
      'none',
      ['none', 'project', 'all'],
      'Whether evacuations of lower priority wait until those of higher priority have ended: within each project, or all of the host.',
    ),
  ),
  excludeNames: seenByTasks(
    'excludedNames',
    withExample(
      'tmp-*, ci-runner-??',
      texts('exclude_names', 'patterns of names: * any text, ? one character', 'Instances with these names are left.'),
    ),
  ),
  excludeFlavors: seenByTasks(
    'excludedFlavors',
    withExample(
      'gpu.*',
      texts('exclude_flavors', 'patterns of names of flavors', 'Instances with these flavors are left.'),
    ),
  ),
  excludeImages: seenByTasks(
    'excludedImages',
    withExample(
      '*',
      texts(
        'exclude_images',
        'patterns of IDs of images',
        'Instances built from these images are left; * leaves all that do not boot from a volume.',
      ),
    ),
  ),
  excludeTags: seenByTasks(
    'excludedTags',
    withExample('no-ha', texts('exclude_tags', 'tags', 'Instances with one of these tags are left.')),
  ),
  excludeMetadata: seenByTasks(
    'excludedMetadata',
    withExample(
      'no_ha, tier=batch',
      texts(
        'exclude_metadata',
        'KEY or KEY=VALUE',
        'Instances with such metadata are left; KEY alone applies when its value is true.',
      ),
    ),
  ),
  evacuableOnly: seenByTasks(
    'evacuableOnly',
    flag(
      'evacuable_only',
      false,
      'Only instances whose flavor has the extra spec evacuable_tag, or whose image is in evacuable_images, are evacuated.',
    ),
  ),
  evacuableTag: seenByTasks(
    'evacuableTag',
    text('evacuable_tag', 'evacuable', NAME, 'Extra spec of a flavor that marks its instances when its value is true.'),
  ),
  evacuableImages: seenByTasks(
    'evacuableImages',
    texts('evacuable_images', 'patterns of IDs of images', 'Images that evacuable_only counts as marked.'),
  ),
};
