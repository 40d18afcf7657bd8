import { describe, expect, test } from 'vitest';
import type { NotificationBody } from '#protocol/notification.ts';
import { parseNotification } from '#protocol/notification.ts';
import type { InstanceFacts, MonitorContext } from '../service/monitor.ts';
import type { GuestReading } from './guests.ts';
import { bodyOf, GuestWatch, type WatchPolicy } from './watch.ts';

const UUID = '11111111-0000-4000-8000-000000000001';
const OTHER = '11111111-0000-4000-8000-000000000002';
const POLICY: WatchPolicy = { threshold: 3, disconnected: 'ignore', hungQemu: 'log', hungQemuAfterMs: 60_000 };
const OK = { state: 'ok', forMs: 0 } as const;

class Place {
  readonly reports: NotificationBody[] = [];
  readonly lines: string[] = [];
  facts: InstanceFacts | undefined;
  outboxFault: Error | undefined;
  policy = POLICY;
  /** Nova does not respond before this number of instances was queried. */
  answersFrom = 0;
  querying = 0;
  readonly #answers = Promise.withResolvers<void>();
  readonly #watch: GuestWatch;
  #now = 0;

  constructor() {
    const context: MonitorContext = {
      node: 'n1',
      log: (level, message) => this.lines.push(`${level} ${message}`),
      signal: new AbortController().signal,
      report: async (body) => {
        if (this.outboxFault) throw this.outboxFault;
        this.reports.push(body);
      },
      queryInstance: async () => {
        this.querying += 1;
        if (this.querying >= this.answersFrom) this.#answers.resolve();
        await this.#answers.promise;
        return this.facts;
      },
      seen: () => {},
      blind: () => {},
    };
    this.#watch = new GuestWatch(context);
  }

  async see(...observations: readonly Partial<GuestReading>[]): Promise<void> {
    this.#now += 10_000;
    const whole = observations.map((observation) => ({ ...OBSERVATION, controlAt: this.#now, ...observation }));
    await this.#watch.take(whole, this.policy);
  }

  async seeSilent(times: number, other: Partial<GuestReading> = {}): Promise<void> {
    for (let time = 0; time < times; time += 1) await this.see({ answer: 'silent', ...other });
  }

  reported(): string[] {
    return this.reports.map((body) => {
      const notification = parseNotification(body);
      return notification.type === 'VM' ? notification.payload.instance_uuid : notification.type;
    });
  }
}

const OBSERVATION: GuestReading = {
  uuid: UUID,
  name: 'instance-00000001',
  domainId: 1,
  answer: 'answered',
  control: OK,
  controlAt: 0,
  detail: '',
};

test('the body is in Masakari’s format', () => {
  expect(bodyOf('n1', UUID, new Date('2026-11-21T08:05:44.646Z'))).toEqual({
    notification: {
      type: 'VM',
      hostname: 'n1',
      generated_time: '2026-11-21T08:05:44.646000',
      payload: { event: 'QEMU_GUEST_AGENT_ERROR', instance_uuid: UUID, vir_domain_event: 'STOPPED_FAILED' },
    },
  });
});

describe('a guest that fails', () => {
  test('is reported once', async () => {
    const place = new Place();
    await place.see({});
    await place.seeSilent(3);
    expect(place.reported()).toEqual([]);
    await place.seeSilent(5);
    expect(place.reported()).toEqual([UUID]);
  });

  test('is reported again until the report is stored, without an effect on the others', async () => {
    const place = new Place();
    const both = (answer: 'answered' | 'silent') => place.see({ answer }, { answer, uuid: OTHER });
    await both('answered');
    for (let time = 0; time < 3; time += 1) await both('silent');
    place.outboxFault = new Error('no space left');
    await expect(both('silent')).rejects.toThrow('no space left');
    await expect(both('silent')).rejects.toThrow('no space left');
    place.outboxFault = undefined;
    await both('silent');
    await both('silent');
    expect(place.reported()).toEqual([UUID, OTHER]);
  });

  test('does not wait for the response about another one', async () => {
    const place = new Place();
    place.answersFrom = 2;
    const both = (observation: Partial<GuestReading>) => [observation, { ...observation, uuid: OTHER }];
    await place.see(...both({}));
    for (let time = 0; time < 4; time += 1) await place.see(...both({ answer: 'silent' }));
    expect(place.reported().toSorted()).toEqual([UUID, OTHER].toSorted());
  });

  test('is held back while Nova works on it, which is logged once, and reported when Nova is done', async () => {
    const place = new Place();
    place.facts = { status: 'found', host: 'n1', vmState: 'active', taskState: 'rebooting' };
    await place.see({});
    await place.seeSilent(6);
    expect(place.reported()).toEqual([]);
    expect(place.lines.filter((line) => line.includes('is not reported'))).toHaveLength(1);
    place.facts = { ...place.facts, taskState: null };
    await place.seeSilent(1);
    expect(place.reported()).toEqual([UUID]);
  });

  test('that ends and returns with another id starts with discovery', async () => {
    const place = new Place();
    await place.see({});
    await place.seeSilent(3);
    await place.see();
    await place.seeSilent(5, { domainId: 2 });
    expect(place.reported()).toEqual([]);
  });

  test('is not reported if it is not queried', async () => {
    const place = new Place();
    for (let time = 0; time < 9; time += 1) await place.see({ answer: 'not queried' });
    expect(place.reported()).toEqual([]);
  });
});

describe('a QEMU that hangs', () => {
  const hung = (seconds: number) => ({ control: { state: 'occupied', forMs: seconds * 1000 } as const });

  test('is logged and not reported', async () => {
    const place = new Place();
    await place.see({});
    for (const seconds of [55, 65, 75]) await place.see({ answer: 'unknown', ...hung(seconds) });
    await place.see({});
    expect(place.reported()).toEqual([]);
    expect(place.lines.filter((line) => line.includes('QEMU'))).toEqual([
      'error a QEMU does not respond to libvirt',
      'info a QEMU responds to libvirt again',
    ]);
  });

  test('is reported if the policy is to report, with and without an agent', async () => {
    for (const answer of ['not queried', 'unknown'] as const) {
      const place = new Place();
      place.policy = { ...POLICY, hungQemu: 'report' };
      for (const seconds of [55, 65, 75, 85]) await place.see({ answer, ...hung(seconds) });
      expect(place.reported()).toEqual([UUID]);
    }
  });

  test('and its guest, which cannot respond, are one failure', async () => {
    const place = new Place();
    place.policy = { ...POLICY, hungQemu: 'report' };
    await place.see({});
    for (const seconds of [5, 15, 25, 35, 45, 55, 65, 75, 85]) await place.see({ answer: 'silent', ...hung(seconds) });
    expect(place.reported()).toEqual([UUID]);
  });

  test('that was reported is not reported for its guest afterwards', async () => {
    const place = new Place();
    place.policy = { ...POLICY, hungQemu: 'report' };
    await place.see({});
    await place.see({ answer: 'unknown', ...hung(65) });
    await place.seeSilent(6, hung(75));
    expect(place.reported()).toEqual([UUID]);
  });

  test('is reported when Nova is done with it and the outbox stores the report', async () => {
    const place = new Place();
    place.policy = { ...POLICY, hungQemu: 'report' };
    place.facts = { status: 'found', host: 'n1', vmState: 'active', taskState: 'powering-off' };
    await place.see({ answer: 'not queried', ...hung(65) });
    place.facts = undefined;
    place.outboxFault = new Error('no space left');
    await expect(place.see({ answer: 'not queried', ...hung(75) })).rejects.toThrow();
    expect(place.reported()).toEqual([]);
    place.outboxFault = undefined;
    await place.see({ answer: 'not queried', ...hung(85) });
    await place.see({ answer: 'not queried', ...hung(95) });
    expect(place.reported()).toEqual([UUID]);
  });
});
