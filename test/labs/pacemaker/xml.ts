/** XML as Pacemaker's tools write it: elements and attributes; text and comments are passed over. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
}

const TAG = /<(\/?)([\w:.-]+)((?:\s+[\w:.-]+="[^"]*")*)\s*(\/?)>/g;
const ATTRIBUTE = /([\w:.-]+)="([^"]*)"/g;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** The root element. */
export function parseXml(text: string): Element {
  const document = { name: '', attributes: {}, children: [] as Element[] };
  const open: { name: string; children: Element[] }[] = [document];
  for (const [, closing, name = '', attributes = '', empty] of text.matchAll(TAG)) {
    if (closing) {
      if (open.pop()?.name !== name) throw new Error(`Not XML: </${name}> closes nothing.`);
      continue;
    }
    const element = { name, attributes: parseAttributes(attributes), children: [] };
    open.at(-1)?.children.push(element);
    if (!empty) open.push(element);
  }
  const [root] = document.children;
  if (root === undefined || open.length !== 1) throw new Error(`Not XML: ${text.slice(0, 500)}`);
  return root;
}

/** The elements of that name anywhere inside, in the order of the document. */
export function elementsOf(element: Element, name: string): Element[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...elementsOf(child, name)]);
}

export function childOf(element: Element, name: string): Element | undefined {
  return element.children.find((child) => child.name === name);
}

function parseAttributes(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(ATTRIBUTE)].map(([, name = '', value = '']) => [name, unescapeXml(value)]),
  );
}

const unescapeXml = (value: string): string =>
  value.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[name] ?? whole;
  });
