import { describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import { taskSettings } from '#config/options/task-settings.ts';
import { SimulatedClock } from '#engine/clock/simulated.ts';
import { cellDown, type Reading } from '#engine/cloud/reading.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import { known } from './outage-retry.ts';

function place() {
  const clock = new SimulatedClock();
  const lines: string[] = [];
  const context = {
    clock,
    signal: new AbortController().signal,
    settings: { ...taskSettings(DEFAULT_OPTIONS), verifyIntervalMs: 1000, outageTimeoutMs: 60_000 },
    progress: (message: string) => lines.push(message),
  };
  return { clock, lines, context };
}

describe('a read', () => {
  it('without an answer is repeated until there is one, and the progress names what does not answer', async () => {
    const { clock, lines, context } = place();
    const readAt: number[] = [];
    const start = clock.boottime();
    const read = async (): Promise<Reading<string>> => {
      readAt.push(clock.boottime() - start);
      return readAt.length < 4 ? { answer: 'none', error: cellDown('instance 7') } : { answer: 'yes', value: 'there' };
    };
    expect(await clock.run(known(context, read))).toEqual({ answer: 'yes', value: 'there' });
    expect(readAt).toEqual([0, 1000, 3000, 7000]);
    expect(lines).toEqual(['Waiting: the cell of instance 7 does not respond to Nova']);
  });

  it('with the answer "no" is not repeated', async () => {
    const { clock, lines, context } = place();
    expect(await clock.run(known(context, async () => ({ answer: 'no' })))).toEqual({ answer: 'no' });
    expect(lines).toEqual([]);
  });

  it('that stays without an answer ends as an outage', async () => {
    const { clock, context } = place();
    const read = async (): Promise<Reading<string>> => ({ answer: 'none', error: cellDown('instance 7') });
    const end = clock.run(known(context, read));
    await expect(end).rejects.toMatchObject({ fault: 'outage', message: expect.stringMatching(/cell of instance 7/) });
  });

  it('that is refused is no outage', async () => {
    const { clock, context } = place();
    const read = () => Promise.reject(new CloudError('unauthorized', 'Nova responded 403: Policy', { status: 403 }));
    await expect(clock.run(known(context, read))).rejects.toMatchObject({ fault: 'work', message: /403: Policy/ });
  });
});
