/**
 * Parses the XML of Pacemaker's tools into elements. Text that is too long, cut off or declares entities of its own is
 * refused: half an output of the cluster must not be taken for a whole one.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser';

/** A CIB of a thousand hosts has some megabytes. */
export const MAX_XML_BYTES = 64 * 1024 * 1024;

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
}

/** The output of a tool cannot be used; the message describes it. */
export class UnreadableXml extends Error {
  override readonly name = 'UnreadableXml';
}

const ATTRIBUTES = ':@';
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
});

/** The root element. Throws `UnreadableXml`. @param what the command that printed it, for the message */
export function parseXml(text: string, what: string): Element {
  if (Buffer.byteLength(text) > MAX_XML_BYTES) {
    throw new UnreadableXml(`${what} printed more than ${MAX_XML_BYTES} bytes`);
  }
  if (text.includes('<!DOCTYPE'))
    throw new UnreadableXml(`${what} printed a document type, which Pacemaker never does`);
  const validity = XMLValidator.validate(text);
  if (validity !== true) {
    throw new UnreadableXml(`${what} printed no whole XML (line ${validity.err.line}: ${validity.err.msg})`);
  }
  const [root] = elementsFrom(parser.parse(text));
  if (root === undefined) throw new UnreadableXml(`${what} printed no XML element`);
  return root;
}

/** The elements of that name anywhere inside, in the order of the document. */
export function elementsOf(element: Element, name: string): Element[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...elementsOf(child, name)]);
}

export function childOf(element: Element, name: string): Element | undefined {
  return element.children.find((child) => child.name === name);
}

/** The parser's form of `preserveOrder`: a list of objects with the tag as key and the attributes under `:@`. */
function elementsFrom(parsed: unknown): Element[] {
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((entry: Readonly<Record<string, unknown>>) => {
    const name = Object.keys(entry).find((key) => key !== ATTRIBUTES && key !== '#text');
    if (name === undefined) return [];
    const attributes = Object.entries(entry[ATTRIBUTES] ?? {}).map(([key, value]) => [key, String(value)] as const);
    return [{ name, attributes: Object.fromEntries(attributes), children: elementsFrom(entry[name]) }];
  });
}
