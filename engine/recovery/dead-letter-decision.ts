/**
 * Decides when a recovery becomes a dead letter. Pure.
 *
 * A recovery during which engine after engine ends may be what ends them. It is `failed` then, and only an operator can retry it.
 */

/**
 * @param ends engines that ended during the flow and during those that were abandoned for it
 * @param maxResumes `[engine] max_resumes`
 */
export function isDeadLetter(ends: number, maxResumes: number): boolean {
  return ends > maxResumes;
}
