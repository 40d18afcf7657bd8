/**
 * Loads a module in its thread, and reports the file and line of an error.
 *
 * Invariant: no file is loaded that others than root and our user can write, neither the module nor its imports.
 */
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { faultOfFile } from '#protocol/trusted-path.ts';
import { messageOf } from './wire.ts';

export type Loaded = { readonly exports: { readonly [name: string]: unknown } } | { readonly fault: string };

/** Files of operators that were read, and the text of the last one. */
interface Read {
  readonly files: Set<string>;
  last: { readonly file: string; readonly text: string } | undefined;
}

/** Once in a thread. @param module the path of its file */
export async function loadModule(module: string): Promise<Loaded> {
  const read: Read = { files: new Set(), last: undefined };
  watchLoading(read);
  try {
    return { exports: (await import(pathToFileURL(module).href)) as { readonly [name: string]: unknown } };
  } catch (error) {
    return { fault: `${module} cannot be loaded: ${placeOf(error, module, read)}${messageOf(error)}` };
  }
}

function watchLoading(read: Read): void {
  registerHooks({
    load(url, context, next) {
      if (!url.startsWith('file:')) return next(url, context);
      const file = fileURLToPath(url);
      const fault = faultOfFile(file);
      if (fault) throw new Error(fault);
      read.files.add(file);
      read.last = undefined;
      const loaded = next(url, context);
      read.last = { file, text: textOf(loaded.source) };
      return loaded;
    },
  });
}

function textOf(source: unknown): string {
  if (typeof source === 'string') return source;
  return source instanceof Uint8Array ? new TextDecoder().decode(source) : '';
}

/** `line 2: `, with the file if it is another than the module; empty if the place is unknown. */
function placeOf(error: unknown, module: string, { files, last }: Read): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  // Node writes the place of a syntax error above it for TypeScript and imports, but not for JavaScript.
  const place =
    placesIn(stack).find(({ file }) => files.has(file)) ??
    (error instanceof SyntaxError && last ? syntaxPlace(last.file, last.text) : undefined);
  if (!place) return '';
  return place.file === module ? `line ${place.line}: ` : `${place.file}, line ${place.line}: `;
}

interface Place {
  readonly file: string;
  readonly line: string;
}

function placesIn(stack: string): Place[] {
  return Array.from(stack.matchAll(/^(?:\s+at .*?)?(?:file:\/\/)?(\/[^\n()]*?):(\d+)(?::\d+\)?)?$/gm), (found) => ({
    file: decoded(found[1] ?? ''),
    line: found[2] ?? '',
  }));
}

/** A path as part of a URL. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Invalid JavaScript is almost always invalid TypeScript too, and for that the line is reported. */
function syntaxPlace(file: string, text: string): Place | undefined {
  try {
    stripTypeScriptTypes(text, { mode: 'strip', sourceUrl: file });
    return undefined;
  } catch (error) {
    return error instanceof Error ? placesIn(error.stack ?? '').find((place) => place.file === file) : undefined;
  }
}
