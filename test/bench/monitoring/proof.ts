/** That both sides watch what they are measured at: a monitor that cannot see is cheap. */
import { domainUuid } from '../../labs/libvirt/domain.ts';
import { waitUntil } from '../../labs/waiting.ts';
import type { Masakari } from './masakari.ts';
import type { Ours } from './ours.ts';
import { type WatchedHost, WITH_AGENT } from './watched-host.ts';

/** Kills a process and an instance, and waits until both sides have reported it. Throws when one does not, or was blind. */
export async function proveThatAllWatch(
  host: WatchedHost,
  ours: Ours,
  masakari: Masakari,
  signal: AbortSignal,
): Promise<void> {
  const blind = /^.*(cannot detect|cannot be read|not watched|is blind).*$/m.exec(ours.log);
  if (blind) throw new Error(`ours could not see all the time: ${blind[0]}`);
  const failed = await host.fail();
  const uuid = domainUuid(failed.instance);
  const signs: Readonly<Record<string, () => boolean>> = {
    'ours: guests that respond': () => ours.log.split('a guest responds').length - 1 >= WITH_AGENT,
    'ours: the death of a process': () => ours.log.includes(`has died monitor=process process=${failed.process}`),
    'ours: the death of an instance': () => ours.reports.includes(uuid),
    'masakari: hosts': () => masakari.logOf('hostmonitor').includes("Recognized 'n1'"),
    'masakari: the death of a process': () =>
      masakari.logOf('processmonitor').includes(`Process '${failed.process}' is not found`),
    'masakari: the death of an instance': () => masakari.logOf('instancemonitor').includes(uuid),
  };
  for (const [what, isSeen] of Object.entries(signs)) {
    await waitUntil({ what: `what must be seen (${what})`, seconds: 60, signal }, () => isSeen() || undefined);
  }
}
