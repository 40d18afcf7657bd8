/** Reads a domain's live XML: the channel of its guest agent, and its instance in Nova. */
import { XMLParser } from 'fast-xml-parser';
import * as v from 'valibot';
import { NOVA_NAMESPACE } from './nova-namespace.ts';

const AGENT_CHANNEL = 'org.qemu.guest_agent.0';
/** A domain with hundreds of devices has about 200 kB. */
const MAX_XML_CHARACTERS = 2 * 1024 * 1024;

export interface DomainDescription {
  /** `none`: there is no channel for an agent, `hw_qemu_guest_agent` of its image is not set. */
  readonly channel: 'none' | 'connected' | 'disconnected';
  /** Undefined: not an instance of Nova. */
  readonly instance: InstanceDescription | undefined;
}

export interface InstanceDescription {
  readonly flavor: string;
  readonly project: string;
  /** Extra specs of the flavor, which newer Novas write here. */
  readonly extraSpecs: ReadonlyMap<string, string>;
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  removeNSPrefix: false,
  parseTagValue: false,
  parseAttributeValue: false,
  isArray: (name) => name === 'channel' || name.endsWith(':extraSpec'),
});

const attributes = v.record(v.string(), v.unknown());
const channel = v.object({
  target: v.optional(v.object({ '@name': v.optional(v.string()), '@state': v.optional(v.string()) })),
});
const schema = v.object({
  domain: v.object({
    metadata: v.optional(v.union([attributes, v.string()])),
    devices: v.optional(v.union([v.object({ channel: v.optional(v.array(channel)) }), v.string()])),
  }),
});

/** Throws if the text is not the XML of a domain. */
export function readDomainXml(xml: string): DomainDescription {
  if (xml.length > MAX_XML_CHARACTERS) throw new Error(`the XML of a domain has ${xml.length} characters`);
  const parsed = v.safeParse(schema, parser.parse(xml));
  if (!parsed.success) throw new Error('libvirt sent XML that does not describe a domain');
  const { devices, metadata } = parsed.output.domain;
  const channels = typeof devices === 'object' ? (devices.channel ?? []) : [];
  const target = channels.find((one) => one.target?.['@name'] === AGENT_CHANNEL)?.target;
  return {
    channel: target === undefined ? 'none' : target['@state'] === 'connected' ? 'connected' : 'disconnected',
    instance: typeof metadata === 'object' ? instanceIn(metadata) : undefined,
  };
}

/** Nova's element is found by its namespace. Its prefix is usually `nova`, but may be any. */
function instanceIn(metadata: Record<string, unknown>): InstanceDescription | undefined {
  for (const [name, element] of Object.entries(metadata)) {
    const [prefix = '', local] = name.split(':');
    if (local !== 'instance' || !isElement(element)) continue;
    if (!String(element[`@xmlns:${prefix}`] ?? '').startsWith(NOVA_NAMESPACE)) continue;
    const flavor = child(element, `${prefix}:flavor`);
    const project = child(child(element, `${prefix}:owner`), `${prefix}:project`);
    const specs = child(flavor, `${prefix}:extraSpecs`)[`${prefix}:extraSpec`];
    return {
      flavor: text(flavor['@name']),
      project: text(project['@uuid']),
      extraSpecs: new Map((Array.isArray(specs) ? specs : []).filter(isElement).map(specOf)),
    };
  }
  return undefined;
}

function specOf(spec: Record<string, unknown>): [string, string] {
  return [text(spec['@name']), text(spec['#text'])];
}

function isElement(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function child(element: Record<string, unknown>, name: string): Record<string, unknown> {
  const found = element[name];
  return isElement(found) ? found : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
