/**
 * Gate `proof-of-death`: holds the recovery of a host until a proof that the configuration accepts shows that the host is dead. Pure.
 *
 * Why: a host that only lost its network still writes to the disks of its instances; a second copy of an instance destroys them. A program
 * that shows the host alive holds the recovery, even if others show it dead; only the word of an operator is stronger. An approval does not
 * replace a proof.
 *
 * Invariant: it is the last gate. Programs that fence a host run only for recoveries that nothing else holds.
 */
import { type DeathFacts, type Gate, PASS, type ProofCheck, READ_AGAIN_MS } from './gate.ts';

/** A host may be switched on again: an older result shows nothing. */
export const FRESH_CHECK_MS = 60_000;

export const proofOfDeath: Gate = {
  name: 'proof-of-death',
  decide: ({ host, hasStarted, death }) => {
    if (death === undefined || hasStarted || death.reported === 'operator') return PASS;
    const { accepted, reported, checks } = death;
    if (accepted.includes('silence')) return PASS;
    const fresh = checks.filter(({ ageMs }) => ageMs < FRESH_CHECK_MS);
    const alive = fresh.find(({ state }) => state === 'alive');
    if (alive !== undefined) return hold(`${describe(alive)} host '${host}'`, READ_AGAIN_MS);
    if (reported === 'fencing' && accepted.includes('fencing')) return PASS;
    if (fresh.some(({ state, kind }) => state === 'dead' && accepted.includes(kind))) return PASS;
    const leftMs = watchdogLeftMs(death);
    if (leftMs === 0) return PASS;
    const others = checks.map((check) => `; ${describe(check)}`).join('');
    const watchdog =
      leftMs === null ? '' : `; its watchdog has surely reset it ${death.watchdogTimeoutMs / 1000} s after the report`;
    const names = accepted.join(', ') || "an operator's word";
    const what = `nothing shows that host '${host}' is dead; accepted are ${names}${others}${watchdog}`;
    return hold(what, Math.min(READ_AGAIN_MS, leftMs ?? READ_AGAIN_MS));
  },
};

/** Milliseconds until the watchdog of the host has reset it; null: that is no accepted proof. */
function watchdogLeftMs({ accepted, openForMs, watchdogTimeoutMs }: DeathFacts): number | null {
  if (!accepted.includes('watchdog') || watchdogTimeoutMs === 0) return null;
  return Math.max(0, watchdogTimeoutMs - openForMs);
}

const describe = ({ name, state, detail }: ProofCheck): string =>
  state === 'unknown' ? `proof ${name} shows nothing (${detail})` : `proof ${name} shows ${state} (${detail})`;

function hold(what: string, readAgainMs: number) {
  const reason = `${what}; "recovery-agent approve --host-is-down" states that it is dead`;
  return { do: 'hold', reason, readAgainMs } as const;
}
