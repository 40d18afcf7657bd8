/** Whether a command may be run: its program, and its script if the program is an interpreter. */
import { basename } from 'node:path';
import { type Inspect, inspect, resolveTrusted, type Trust } from '#protocol/trusted-path.ts';
import { faultOfProgram } from './program-file.ts';

/** Programs that run what their arguments name. */
const RUNS_ARGUMENTS = new RegExp(
  `^(?:${[
    '[bd]?a?sh|[ckz]sh|busybox',
    '(?:python|perl|ruby|php|lua|tclsh|wish)[0-9.]*|node|nodejs|deno|bun|expect|java|Rscript|pwsh|[gm]?awk',
    'env|nice|ionice|nohup|setsid|stdbuf|timeout|flock|chrt|taskset|sudo|runuser|setpriv|su|xargs|chroot|unshare|systemd-run',
  ].join('|')})$`,
);

/**
 * Why the command may not be run; completes a sentence about its task. Undefined: it may. Words that contain a template are not known yet
 * and are skipped; the text after `sh -c` is code, and not checked.
 */
export function faultOfCommand(argv: readonly string[], trust: Trust, read: Inspect = inspect): string | undefined {
  const [program = '', ...words] = argv;
  const fault = faultOfProgram(program, trust, read);
  if (fault !== undefined || !runsArguments(program)) return fault;
  for (const word of words) {
    const path = fileIn(word, read);
    if (path === undefined) continue;
    const found = resolveTrusted(path, trust, read);
    if ('fault' in found)
      return `cannot be run: it gives ${basename(program)} a file that is not trusted: ${found.fault}`;
    // The words after a script are its own arguments; a word after another interpreter may be a script.
    if (!word.startsWith('-') && !runsArguments(path)) return undefined;
  }
  return undefined;
}

function runsArguments(program: string): boolean {
  return RUNS_ARGUMENTS.test(basename(program));
}

/** The regular file that a word names, by itself or after `=`; programs run in the directory `/`. */
function fileIn(word: string, read: Inspect): string | undefined {
  if (word.includes('{{')) return undefined;
  const text = word.startsWith('-') ? word.slice(word.indexOf('=') + 1) : word;
  if (text === '' || text.startsWith('-')) return undefined;
  const path = text.startsWith('/') ? text : `/${text}`;
  try {
    return ['file', 'link'].includes(read(path)?.kind ?? '') ? path : undefined;
  } catch {
    return undefined;
  }
}
