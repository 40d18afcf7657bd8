/** What a process did to the files of one directory, from an strace of it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export type Syscall =
  | { readonly call: 'create' | 'sync' | 'unlink'; readonly path: string }
  | { readonly call: 'write'; readonly path: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly call: 'truncate'; readonly path: string; readonly size: number }
  /** The process reported that commit `commit` was acknowledged. */
  | { readonly call: 'acknowledge'; readonly commit: number };

/** As long as any write of a test; a longer one would be cut off and is refused below. */
const MAX_STRING = 70_000;
const TRACED =
  'openat,open,close,write,pwrite64,pwritev,writev,ftruncate,fsync,fdatasync,unlink,rename,access,faccessat,faccessat2';

export function trace(command: readonly string[], directory: string, traceFile: string): Syscall[] {
  const flags = ['-o', traceFile, '-s', String(MAX_STRING), '-xx', '-e', `trace=${TRACED}`];
  spawnSync('strace', [...flags, ...command], { stdio: ['ignore', 'ignore', 'inherit'] });
  return parseTrace(readFileSync(traceFile, 'latin1'), directory);
}

function bytesOf(quoted = ''): Buffer {
  return Buffer.from(quoted.replaceAll('\\x', ''), 'hex');
}

/** @param text lines as `strace -xx` writes them, of one thread. */
export function parseTrace(text: string, directory: string): Syscall[] {
  const open = new Map<string, string>();
  const isInside = (path: string): boolean => path === directory || path.startsWith(`${directory}/`);
  const parseLine = (line: string): Syscall | undefined => {
    const [, name = '', args = '', result = ''] = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(line) ?? [];
    const [, quoted] = /"([^"]*)"/.exec(args) ?? [];
    const path = bytesOf(quoted).toString();
    if (name.includes('access')) {
      const [, commit] = /^\/acknowledged\/(\d+)$/.exec(path) ?? [];
      return commit ? { call: 'acknowledge', commit: Number(commit) } : undefined;
    }
    if (Number(result) < 0) return undefined;
    if (name === 'openat' || name === 'open') {
      open.delete(result);
      if (!isInside(path)) return undefined;
      open.set(result, path);
      return args.includes('O_CREAT') ? { call: 'create', path } : undefined;
    }
    if (name === 'unlink') return isInside(path) ? { call: 'unlink', path } : undefined;
    if (name === 'rename') {
      if (isInside(path)) throw new Error(`the model knows no rename: ${line.slice(0, 200)}`);
      return undefined;
    }
    const handle = /^\d+/.exec(args)?.[0] ?? '';
    const file = open.get(handle);
    if (name === 'close') open.delete(handle);
    if (file === undefined || name === 'close') return undefined;
    if (name === 'fsync' || name === 'fdatasync') return { call: 'sync', path: file };
    const last = Number(/(\d+)$/.exec(args)?.[1]);
    if (name === 'ftruncate') return { call: 'truncate', path: file, size: last };
    const bytes = bytesOf(quoted);
    if (name === 'pwrite64' && bytes.length === Number(result))
      return { call: 'write', path: file, offset: last, bytes };
    throw new Error(`the model knows no such write: ${line.slice(0, 200)}`);
  };
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}
