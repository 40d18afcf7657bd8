/** Masakari's text of the reason why a recovery of an instance is ignored, with the two hosts. Pure. */

export function failedElsewhere(instance: string, host: string, reportedBy: string): string {
  return `Recovery of instance '${instance}' is ignored as it is on host '${host}' and failed on '${reportedBy}'.`;
}
