/**
 * A process with an outbox and its delivery, as a monitor's is, to be killed: `outbox-sender.ts FOLDER SOCKET [HOST…]`.
 * Reports one failure of each host, prints that, and delivers until it ends.
 */
import { Delivery } from '#monitors/outbox/delivery.ts';
import { Outbox } from '#monitors/outbox/outbox.ts';
import { EngineTarget } from '#monitors/outbox/targets/engine/target.ts';

const [folder = '', path = '', ...hosts] = process.argv.slice(2);
const log = (level: string, message: string): void => {
  process.stderr.write(`${level} ${message}\n`);
};
const outbox = await Outbox.open({ folder, log });
const target = new EngineTarget({
  description: path,
  addresses: () => [{ kind: 'unix', path }],
  answerTimeoutMs: 60_000,
});
const parts = { outbox, target, log, staleAfterMs: 3_600_000, retryIntervalMs: 200 };
const delivery = new Delivery({ ...parts, recheck: async () => 'unknown' });
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const running = delivery.run(stop.signal);
for (const hostname of hosts) {
  await outbox.put({
    notification: {
      type: 'COMPUTE_HOST',
      hostname,
      generated_time: new Date().toISOString(),
      payload: { event: 'STOPPED' },
    },
  });
  log('info', `reported ${hostname}`);
}
await running;
await target.close();
