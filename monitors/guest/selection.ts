/** Selects the instances to query: the option `guests`. Pure. */
import type { InstanceDescription } from '../libvirt/domain-xml.ts';

type Selector = (uuid: string, instance: InstanceDescription) => boolean;

/** @param written `all`, or items `uuid:…`, `flavor:…`, `project:…`, `extra_spec:NAME=VALUE`; one that fits is enough. */
export function readSelection(written: string): Selector {
  if (written.trim() === 'all') return () => true;
  const selectors = written.split(/[,\n]/).map((item) => readSelector(item.trim()));
  return (uuid, instance) => selectors.some((selects) => selects(uuid, instance));
}

function readSelector(item: string): Selector {
  const [, kind = '', value = ''] = /^([a-z_]+):(.*)$/.exec(item) ?? [];
  if (value === '') throw new Error(`option guests: "${item}" has no value, e.g. flavor:m1.small`);
  switch (kind) {
    case 'uuid':
      return (uuid) => uuid === value.toLowerCase();
    case 'flavor':
      return (_, { flavor }) => flavor === value;
    case 'project':
      return (_, { project }) => project === value;
    case 'extra_spec':
      return readExtraSpec(value);
    default:
      throw new Error(`option guests: "${item}" begins with none of uuid:, flavor:, project:, extra_spec:`);
  }
}

/** `evacuable=true`; a name may hold colons, e.g. `trait:CUSTOM_HA=required`. */
function readExtraSpec(written: string): Selector {
  const end = written.indexOf('=');
  if (end < 1) throw new Error(`option guests: extra_spec:${written} has to be written extra_spec:NAME=VALUE`);
  const name = written.slice(0, end);
  const value = written.slice(end + 1);
  return (_, { extraSpecs }) => extraSpecs.get(name) === value;
}

export type { Selector };
