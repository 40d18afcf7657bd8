/**
 * The settings of one cloud: layers of keys, of which the later goes before. A profile of clouds-public.yaml, the cloud in
 * clouds.yaml, the cloud in secure.yaml, the values of a region. Pure.
 */
import { CredentialsError } from './settings.ts';
import { isTree, type Tree, Unclear, type Value } from './yaml.ts';

/** A setting, and how the operator knows it: a key of a file or a variable. */
export interface Setting {
  readonly value: Value;
  readonly called: string;
}

export interface Layer {
  readonly top: ReadonlyMap<string, Setting>;
  readonly auth: ReadonlyMap<string, Setting>;
}

/** What a key is called in messages. */
export type Naming = (key: string) => string;

/** Keys that openstacksdk does not know when they are written with "-". */
const WITHOUT_DASHES = /(?:^|-)endpoint-type$|^auth-type$|^auth-plugin$/;

/** @param place where the keys stand, for messages */
export function layerOf(tree: Tree, place: string): Layer {
  const called: Naming = (key) => `${key} of ${place}`;
  const top = settings(tree, called);
  const auth = top.get('auth');
  top.delete('auth');
  if (auth !== undefined && auth.value !== null && auth.value !== '' && !isTree(auth.value)) {
    const what = Array.isArray(auth.value) ? 'a list' : 'a text';
    throw new CredentialsError(`auth of ${place} is ${what}; keys with values are allowed there`);
  }
  return { top, auth: auth !== undefined && isTree(auth.value) ? settings(auth.value, called) : new Map() };
}

function settings(tree: Tree, called: Naming): Map<string, Setting> {
  const found = new Map<string, Setting>();
  for (const [written, value] of Object.entries(tree)) {
    const key = written.replaceAll('-', '_');
    if (WITHOUT_DASHES.test(written)) throw new CredentialsError(`${called(shown(written))}: write ${key}`);
    if (found.has(key)) throw new CredentialsError(`${called(shown(key))} is set twice; remove one of them`);
    found.set(key, { value, called: called(shown(key)) });
  }
  return found;
}

/** A misplaced line may be anything. */
function shown(key: string): string {
  return /^[\w-]{1,60}$/.test(key) ? key : 'a key';
}

/** @param under an empty value of these layers does not replace another, except in `auth`: those of a region */
export function merged(layers: readonly Layer[], regional?: Layer): Layer {
  const top = new Map(layers.flatMap((layer) => [...layer.top]));
  const auth = new Map([...layers, ...(regional ? [regional] : [])].flatMap((layer) => [...layer.auth]));
  for (const [key, setting] of regional?.top ?? []) if (setting.value !== null) top.set(key, setting);
  return { top, auth };
}

/** A cloud whose layers are one. */
export class CloudSettings {
  /** Where it was found, for messages. */
  readonly source: string;
  readonly top: ReadonlyMap<string, Setting>;
  readonly auth: ReadonlyMap<string, Setting>;
  readonly #naming: Naming;

  constructor(source: string, { top, auth }: Layer, naming: Naming) {
    this.source = source;
    this.top = top;
    this.auth = auth;
    this.#naming = naming;
  }

  /** How the operator knows a setting, also one that is absent. */
  called(name: string): string {
    return (this.#given(name) ?? this.top.get(name))?.called ?? this.#naming(name);
  }

  /** Clients read it from `auth`, or from beside it if it is absent or empty there. Undefined where unset or empty. */
  text(name: string): string | undefined {
    const setting = this.#given(name);
    return setting === undefined ? undefined : textOf(setting);
  }

  /** A setting beside `auth`. */
  topText(name: string): string | undefined {
    const setting = this.top.get(name);
    return setting === undefined ? undefined : textOf(setting);
  }

  /**
   * One of several names, as openstacksdk gathers projects and domains: the last name counts, and `auth` before what is
   * beside it. An empty value counts as well there, so it is refused where another one would be lost.
   */
  last(...names: readonly string[]): Setting | undefined {
    const all = names.flatMap((name) => [this.top.get(name), this.auth.get(name)]).filter((each) => each !== undefined);
    const winner = all.at(-1);
    if (winner === undefined) return undefined;
    if (winner.value === null) throw new CredentialsError(`${winner.called} is null; remove it or set a value`);
    const other = all.find((each) => each.value !== '' && each.value !== null);
    if (winner.value !== '') return textOf(winner) === undefined ? undefined : winner;
    if (other === undefined) return undefined;
    throw new CredentialsError(`${winner.called} is empty and ${other.called} is set; remove one of them`);
  }

  #given(name: string): Setting | undefined {
    const auth = this.auth.get(name);
    return auth !== undefined && auth.value !== '' && auth.value !== null ? auth : (this.top.get(name) ?? auth);
  }
}

/** Undefined where it is empty. Throws where it is no single text. */
export function textOf({ value, called }: Setting): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (value === null) return undefined;
  if (typeof value === 'boolean') {
    throw new CredentialsError(`${called} is a truth value for YAML; if it is meant as a text, write it in quotes`);
  }
  if (value instanceof Unclear) {
    throw new CredentialsError(`${called} is ${value.what} for YAML, which changes it; write it in quotes`);
  }
  throw new CredentialsError(`${called} is not a text; one value is allowed there`);
}
