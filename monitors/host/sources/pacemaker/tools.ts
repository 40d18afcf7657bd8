/** Asks Pacemaker's own tools; each answer is bounded in time and length. */
import { execFile } from 'node:child_process';
import { CIBADMIN, type CibView, parseCib } from './cib.ts';
import { type ClusterView, CRM_MON, parseCrmMon } from './crm-mon.ts';
import { MAX_XML_BYTES } from './xml.ts';

export interface ClusterSight {
  readonly view: ClusterView;
  readonly cib: CibView;
}

/** Where Debian, Red Hat and SUSE have the tools, whatever the service's PATH is. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Pacemaker did not answer; the message holds what its tool said. */
export class PacemakerSilent extends Error {
  override readonly name = 'PacemakerSilent';
}

/**
 * One sight of the cluster. The two tools are asked one after the other: what happened in between makes them disagree, and
 * findings need both. Throws `PacemakerSilent` or `UnreadableXml`.
 */
export async function askPacemaker(timeoutMs: number, signal: AbortSignal, path = PATH): Promise<ClusterSight> {
  const view = parseCrmMon(await print(CRM_MON, { timeoutMs, signal, path }));
  const cib = parseCib(await print(CIBADMIN, { timeoutMs, signal, path }));
  return { view, cib };
}

interface Bounds {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly path: string;
}

function print(
  [program, ...argv]: readonly [string, ...string[]],
  { timeoutMs, signal, path }: Bounds,
): Promise<string> {
  return new Promise((resolve, reject) => {
    // CIB_* would make the tools show a file or a shadow instead of the cluster. Pacemaker 2.0 prints local time without a zone.
    const env = { PATH: path, LC_ALL: 'C', TZ: 'UTC' };
    // By a signal and not by the option timeout, which waits for a tool that cannot be killed.
    const late = AbortSignal.timeout(timeoutMs);
    const ends = AbortSignal.any([signal, late]);
    const options = { env, killSignal: 'SIGKILL', maxBuffer: MAX_XML_BYTES, signal: ends } as const;
    execFile(program, argv, options, (error, stdout, stderr) => {
      // Nothing is trusted of a tool that failed, whatever it printed.
      if (error === null) resolve(stdout);
      else
        reject(
          new PacemakerSilent(
            `${program} ${late.aborted ? `did not answer within ${timeoutMs / 1000} s` : reasonOf(error, stderr)}`,
            { cause: error },
          ),
        );
    });
  });
}

function reasonOf(error: Error & { code?: unknown }, stderr: string): string {
  if (error.code === 'ENOENT')
    return 'is not installed here; run the host monitor where Pacemaker or its remote daemon runs';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `printed more than ${MAX_XML_BYTES} bytes`;
  if (error.name === 'AbortError') return 'was not waited for';
  const [words = ''] = stderr.trim().split('\n').slice(-1);
  return `failed (exit code ${String(error.code)}): ${words.slice(0, 300) || 'it said nothing'}`;
}
