/** Gate `pause`: while an operator has paused recoveries, none starts. Running recoveries finish. Pure. */
import { type Gate, PASS, READ_AGAIN_MS } from './gate.ts';

export const pause: Gate = {
  name: 'pause',
  decide: ({ pause: paused }) => {
    if (paused === null) return PASS;
    const { by, reason, leftMs } = paused;
    const why = reason === null ? '' : ` (${reason})`;
    const end = leftMs === null ? '' : `, for ${Math.ceil(leftMs / 60_000)} min more at the time of this decision`;
    return {
      do: 'hold',
      reason: `recoveries are paused by ${by}${why}${end}; "recovery-agent unpause" ends the pause`,
      readAgainMs: Math.min(leftMs ?? READ_AGAIN_MS, READ_AGAIN_MS),
    };
  },
};
