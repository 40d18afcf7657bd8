/** Follows a recovery until it is closed: progress for people on a terminal, lines for logs, JSON for scripts. */
import type { EngineAddress } from '#protocol/address.ts';
import { printable } from '#protocol/printable.ts';
import type { RecoveryView, WatchNotice } from '#protocol/views.ts';
import { describeRecovery } from './commands/show.ts';
import { withEngine } from './engine-client.ts';
import { CommandFailure, EXIT, type ExitCode } from './exit-codes.ts';
import { coloured, print, printJson } from './output/output.ts';

const OPEN: readonly string[] = ['new', 'running', 'error'];

function describeNotice(notice: WatchNotice): string | undefined {
  switch (notice.kind) {
    case 'event':
      return `${new Date(notice.at).toISOString().slice(11, 23)}  ${notice.task ?? ''}  ${printable(notice.message)}`;
    case 'instances':
      return undefined;
    case 'status':
      return `${''.padEnd(14)}${coloured(notice.status, process.stderr)}${notice.message ? `: ${printable(notice.message)}` : ''}`;
  }
}

/** One line at the bottom of a terminal that is redrawn; no output elsewhere. */
class BottomLine {
  readonly #isShown = process.stderr.isTTY === true;

  draw({ moved, total }: { readonly moved: number; readonly total: number }): void {
    if (!this.#isShown) return;
    const width = 30;
    const full = total === 0 ? 0 : Math.round((moved / total) * width);
    process.stderr.write(`\r\x1b[2K[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${moved}/${total} instances`);
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[2K');
  }
}

/** What `--wait` does, for the help of the commands that have it. */
export const WAIT_HELP =
  'show the progress and wait for the end; exit code 4 when it does not end well, 3 when the engine goes away meanwhile';

/**
 * Shows what happens until the recovery is closed. Returns 0 when it finished, 4 when it failed or was ignored. Throws
 * `CommandFailure` (no engine) when the engine goes away: the next one may be on another node, out of reach of a socket.
 */
export async function waitFor(engine: EngineAddress, uuid: string, form: 'text' | 'json'): Promise<ExitCode> {
  const bottom = new BottomLine();
  const ended = Promise.withResolvers<void>();
  const onNotification = (_: string, params: unknown): void => {
    const notice = params as WatchNotice;
    if (form === 'text') {
      bottom.clear();
      const received = describeNotice(notice);
      if (received !== undefined) process.stderr.write(`${received}\n`);
      if (notice.kind === 'instances') bottom.draw(notice);
    }
    if (notice.kind === 'status' && notice.uuid === uuid && !OPEN.includes(notice.status)) ended.resolve();
  };
  const watched = withEngine(
    engine,
    async (client) => {
      const first = (await client.call('watch', { uuid })) as RecoveryView;
      if (OPEN.includes(first.notification.status)) await Promise.race([ended.promise, client.closed]);
      return (await client.call('show', { uuid })) as RecoveryView;
    },
    { onNotification },
  );
  const recovery = await watched.catch((error: unknown) => {
    bottom.clear();
    if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.noEngine) throw error;
    const advice = `recovery ${uuid} is in the journal and the next engine continues it; see "recovery-agent show ${uuid}"`;
    throw new CommandFailure(EXIT.noEngine, `${error.message}; ${advice}`, error);
  });
  if (form === 'json') printJson(recovery);
  else print(describeRecovery(recovery));
  return recovery.notification.status === 'finished' ? EXIT.ok : EXIT.recoveryFailed;
}
