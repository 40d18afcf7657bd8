/**
 * Replays one history and prints what came of it, recovery by recovery:
 * `node test/model/events/replay.ts '{"events":["reboot"],"order":[1,0]}'`. What is left out: a gap of 20 s, right clocks, no proof.
 */
import type { RecoveryView } from '#protocol/views.ts';
import { GAPS, type History, titleOf } from './history.ts';
import { play } from './play.ts';
import { violationsOf } from './properties.ts';

const given: Partial<History> = JSON.parse(process.argv[2] ?? '{}');
const order = given.order ?? [];
const history: History = {
  events: [],
  gapMs: GAPS[0],
  offsets: order.map(() => 0),
  proof: 'none',
  interruption: null,
  ...given,
  order,
};
const time = (iso: string): string => iso.slice('2026-01-01T'.length, -'.000Z'.length);
const lines = [titleOf(history)];
const outcome = await play(history);
for (const { uuid } of [...outcome.logbooks].reverse()) {
  const { notification, flows }: RecoveryView = JSON.parse(outcome.views.get(uuid) ?? '{}');
  const { type, payload, status, message, accepted_at, closed_at } = notification;
  const end = closed_at === null ? 'open' : time(closed_at);
  lines.push(`${type} ${payload.event} ${time(accepted_at)}–${end}: ${status}, ${message ?? 'no message'}`);
  for (const { name, state, error, events } of flows) {
    lines.push(`  ${name}: ${state}${error === null ? '' : `, ${error}`}`);
    for (const event of events) lines.push(`    ${time(event.time)} ${event.message}`);
  }
}
for (const { uuid, host, vmState, runs } of outcome.guests) {
  lines.push(`${uuid} on ${host}: ${vmState}, ${runs ? 'runs' : 'does not run'}`);
}
lines.push(...violationsOf(outcome).map((violation) => `VIOLATION: ${violation}`));
process.stdout.write(`${lines.join('\n')}\n`);
