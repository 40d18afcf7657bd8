/** Times as Pacemaker prints them. */

const COMPLETED = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d{1,9})? ?(Z|[+-]\d{2}:?\d{2})$/;

/** Milliseconds UTC of `2026-11-21 08:13:35Z`, with a fraction and a zone if they stand there; undefined for all else. */
export function readClusterTime(text: string | undefined): number | undefined {
  const [, day, time, fraction = '', zone = ''] = COMPLETED.exec(text ?? '') ?? [];
  if (day === undefined) return undefined;
  const at = Date.parse(`${day}T${time}${fraction.slice(0, 4)}${zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`);
  return Number.isFinite(at) ? at : undefined;
}
