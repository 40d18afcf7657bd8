/** Runs Pacemaker's own tools; each output is bounded in time and length. */
import { execFile } from 'node:child_process';
import { CIBADMIN, type CibView, parseCib } from './cib.ts';
import { type ClusterView, CRM_MON, parseCrmMon } from './crm-mon.ts';
import { toolFailure } from './tool-errors.ts';
import { MAX_XML_BYTES } from './xml.ts';

export interface ClusterReading {
  readonly view: ClusterView;
  readonly cib: CibView;
}

/** The folders of the tools on Debian, Red Hat and SUSE; the service's own PATH is not used. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Pacemaker did not respond; the message contains the output of its tool. */
export class PacemakerSilent extends Error {
  override readonly name = 'PacemakerSilent';
}

/**
 * One poll of the cluster. The two tools run one after the other: a change in between makes them disagree, and a finding
 * needs both. Throws `PacemakerSilent` or `UnreadableXml`.
 */
export async function queryPacemaker(timeoutMs: number, signal: AbortSignal, path = PATH): Promise<ClusterReading> {
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
      // The output of a tool that failed is never used.
      if (error === null) resolve(stdout);
      else
        reject(
          new PacemakerSilent(
            `${program} ${late.aborted ? `timed out after ${timeoutMs / 1000} s` : reasonOf(error, stdout, stderr)}`,
            { cause: error },
          ),
        );
    });
  });
}

function reasonOf(error: Error & { code?: unknown }, stdout: string, stderr: string): string {
  if (error.code === 'ENOENT')
    return 'is not installed here; run the host monitor where Pacemaker or its remote daemon runs';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `printed more than ${MAX_XML_BYTES} bytes`;
  if (error.name === 'AbortError') return 'was aborted';
  return toolFailure(error.code, stdout, stderr);
}
