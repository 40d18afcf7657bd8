import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The logs of one node, as files of this machine; they stay when the lab is gone. */
export interface NodeLogs {
  readonly pacemaker: string;
  readonly corosync: string;
  /** What boot, init and the daemons wrote to their standard output. */
  readonly console: string;
  /** All of the node's /var/log. */
  readonly folder: string;
}

export function nodeLogs(directory: string, node: string): NodeLogs {
  const folder = join(directory, 'log', node);
  return {
    folder,
    pacemaker: join(folder, 'pacemaker', 'pacemaker.log'),
    corosync: join(folder, 'corosync', 'corosync.log'),
    console: join(folder, 'console.log'),
  };
}

const TAIL_CHARACTERS = 3000;

export function logTail(file: string): string {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '(there is no such file)';
  return `The end of ${file}:\n${text.slice(-TAIL_CHARACTERS)}`;
}

const WARNINGS = 20;

/** The last warnings and errors of Pacemaker's log that name the subject. */
export function warningsAbout(subject: string, file: string): string {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const found = lines.filter((line) => /(warning|error):/.test(line) && line.includes(subject));
  return `Warnings of ${file}:\n${found.slice(-WARNINGS).join('\n')}`;
}
