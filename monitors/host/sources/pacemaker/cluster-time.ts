/** Reads times as Pacemaker prints them. */

/** Since Pacemaker 2.1, e.g. `2026-11-21 08:13:35Z`; with a fraction or an offset where the tool prints one. */
const WITH_ZONE = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d{1,9})? ?(Z|[+-]\d{2}:?\d{2})$/;
/** Pacemaker 2.0, e.g. `Sat Nov 21 08:13:35 2026` (ctime(3)): without a zone, UTC because the tools run with TZ=UTC. */
const OF_CTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) +(\d{1,2}) (\d{2}:\d{2}:\d{2}) (\d{4})$/;

/** Milliseconds UTC; undefined for all else. */
export function readClusterTime(text: string | undefined): number | undefined {
  const words = (text ?? '').trim();
  const at = readWithZone(words) ?? readOfCtime(words);
  return at !== undefined && Number.isFinite(at) ? at : undefined;
}

function readWithZone(text: string): number | undefined {
  const [, day, time, fraction = '', zone = ''] = WITH_ZONE.exec(text) ?? [];
  if (day === undefined) return undefined;
  return Date.parse(`${day}T${time}${fraction.slice(0, 4)}${zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`);
}

function readOfCtime(text: string): number | undefined {
  const [, month, day, time, year] = OF_CTIME.exec(text) ?? [];
  return month === undefined ? undefined : Date.parse(`${day} ${month} ${year} ${time} GMT`);
}
