/** Runs a packaging program with nothing of the caller's environment that could end up in a package. */
import { spawnSync } from 'node:child_process';

export interface Job {
  /** For temporary files of the program; also its home, so that no user's ~/.rpmmacros or ~/.dpkg.cfg counts. */
  readonly scratch: string;
  readonly date: number;
}

/** The program is not installed here. */
export class ProgramMissing extends Error {
  override readonly name = 'ProgramMissing';
}

export function run(program: string, args: readonly string[], { scratch, date }: Job): void {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      HOME: scratch,
      TMPDIR: scratch,
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
      SOURCE_DATE_EPOCH: String(date),
    },
  });
  if (error && 'code' in error && error.code === 'ENOENT') {
    throw new ProgramMissing(`${program} is not installed here`, { cause: error });
  }
  if (status !== 0) throw new Error(`${program} failed:\n${stdout}${stderr}`, { cause: error });
}
