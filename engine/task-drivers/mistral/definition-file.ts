/**
 * Files with definitions of workflows: read by the engine if Mistral lacks one, and by `validate` before that.
 *
 * Invariant: a file that others than root and our own user can change is never given to Mistral: it determines the commands that run with
 * our rights.
 */

import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { parse } from 'yaml';
import { errorMessage } from '#protocol/error-message.ts';
import { faultOfFile } from '#protocol/trusted-path.ts';

export type Definition = { readonly text: string } | { readonly fault: string };

/** A definition is some kB. */
const MAX_BYTES = 1024 * 1024;

/** @param workflowName that it must define; undefined while that is unknown */
export async function readDefinition(file: string, workflowName: string | undefined): Promise<Definition> {
  try {
    const fault = faultOfFile(file);
    if (fault !== undefined) return { fault: faultOf(file, fault) };
    await using handle = await open(file);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
    return checked(file, buffer.toString('utf8', 0, bytesRead), workflowName);
  } catch (error) {
    return { fault: faultOf(file, reasonOf(error)) };
  }
}

/** The same synchronously, for commands. */
export function readDefinitionNow(file: string, workflowName: string | undefined): Definition {
  let handle: number | undefined;
  try {
    const fault = faultOfFile(file);
    if (fault !== undefined) return { fault: faultOf(file, fault) };
    handle = openSync(file, 'r');
    const buffer = Buffer.alloc(MAX_BYTES);
    return checked(file, buffer.toString('utf8', 0, readSync(handle, buffer, 0, MAX_BYTES, 0)), workflowName);
  } catch (error) {
    return { fault: faultOf(file, reasonOf(error)) };
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function checked(file: string, text: string, workflowName: string | undefined): Definition {
  if (Buffer.byteLength(text) >= MAX_BYTES) return { fault: faultOf(file, `it has ${MAX_BYTES} bytes or more`) };
  const tree: unknown = parse(text, { maxAliasCount: 100 });
  if (tree === null || typeof tree !== 'object' || Array.isArray(tree) || !('version' in tree)) {
    return { fault: faultOf(file, 'it is no definition: there is no "version"') };
  }
  const names = Object.keys(tree).filter((name) => name !== 'version');
  if (workflowName === undefined || names.includes(workflowName)) return { text };
  const others = names.length === 0 ? 'none' : names.slice(0, 10).join(', ');
  return { fault: faultOf(file, `it defines no workflow called ${workflowName}, but ${others}`) };
}

function faultOf(file: string, reason: string): string {
  return `the definition of the workflow, ${file}, cannot be used: ${reason}`;
}

function reasonOf(error: unknown): string {
  const [line = ''] = errorMessage(error).split('\n');
  // After the place in the YAML its text would follow.
  return line.replace(/:$/, '');
}
