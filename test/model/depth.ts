/** How far the searches go: bounded in `npm test`, deep with `npm run test:model`. */
export const isDeep = process.env.RECOVERY_AGENT_MODEL === 'deep';

export function bound(bounded: number, deep: number): number {
  return isDeep ? deep : bounded;
}
