import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { NONE_EXPECTED } from './expected-hosts.ts';
import { PACEMAKER_FENCED } from './policy.ts';
import type { Setup } from './setup.ts';
import { runAlert } from './sources/pacemaker/alert.ts';
import { parseCib } from './sources/pacemaker/cib.ts';
import { type FenceEvent, parseCrmMon } from './sources/pacemaker/crm-mon.ts';
import { createPacemakerSource } from './sources/pacemaker/source.ts';
import type { ClusterReading } from './sources/pacemaker/tools.ts';
import { HostStateFile } from './state-file.ts';
import { Watch } from './watch.ts';

const directory = mkdtempSync(join(tmpdir(), 'watch-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Generous: machines are busy. */
const until = { timeout: 20_000, interval: 10 };
const read = (path: string) => readFileSync(new URL(`../../test/fixtures/pacemaker/${path}`, import.meta.url), 'utf8');
const observationOf = (sample: string): ClusterReading => ({
  view: parseCrmMon(read(`${sample}/crm_mon.xml`)),
  cib: parseCib(read(`${sample}/cib.xml`)),
});

/** An event as the history has it. */
const fencing = (target: string, time: string, change: Partial<FenceEvent> = {}): FenceEvent => {
  const completedAt = Date.parse(`2026-11-21T${time}Z`);
  return { target, action: 'reboot', status: 'success', delegate: 'n1', completedAt, ...change };
};

let count = 0;

/** A monitor on real sockets and files; the outputs of Pacemaker are captured. */
class Scene {
  readonly reports: string[] = [];
  readonly bodies: NotificationBody[] = [];
  readonly proofs: (ReportedProof | undefined)[] = [];
  readonly logged: string[] = [];
  readonly blind: string[] = [];
  seen = 0;
  polls = 0;
  /** A sample, or an error. */
  shows: string | Error;
  /** In the history, besides the sample. */
  fencings: readonly FenceEvent[] = [];
  /** In the cluster's record of c2, instead of the sample's value, milliseconds UTC. */
  fencedAt: number | undefined;
  lateDeaths: Pick<Setup, 'lateDeaths'> = {};
  /** The outbox's result for a report. */
  outbox: () => Promise<void> = async () => {};
  readonly folder: string;
  readonly options: EngineOptions['hostMonitor'];
  #ends = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(shows: string, options: Partial<EngineOptions['hostMonitor']> = {}, folder?: string) {
    count += 1;
    this.folder = folder ?? join(directory, String(count));
    this.shows = shows;
    this.options = {
      ...DEFAULT_OPTIONS.hostMonitor,
      monitoringIntervalMs: 3_600_000,
      suspicionIntervalMs: 3_600_000,
      alertSocket: join(this.folder, 'run', 'host.sock'),
      stateFile: join(this.folder, 'state.json'),
      ...options,
    };
  }

  async start(): Promise<void> {
    const source = await createPacemakerSource({ ...DEFAULT_OPTIONS, hostMonitor: this.options }, async () => {
      this.polls += 1;
      if (this.shows instanceof Error) throw this.shows;
      return this.#observation(this.shows);
    });
    const setup = {
      options: this.options,
      policy: PACEMAKER_FENCED,
      sources: [source],
      expected: NONE_EXPECTED,
      ...this.lateDeaths,
    };
    const context = {
      log: (level: string, message: string) => this.logged.push(`${level}: ${message}`),
      seen: () => {
        this.seen += 1;
      },
      blind: (reason: string) => this.blind.push(reason),
      report: async (body: NotificationBody, proof?: ReportedProof) => {
        await this.outbox();
        const { hostname, payload } = body.notification;
        this.bodies.push(body);
        this.proofs.push(proof);
        this.reports.push(`${hostname} ${(payload as { event: string }).event}`);
      },
    };
    this.#ends = new AbortController();
    const stateFile = HostStateFile.open(this.options.stateFile, context.log);
    this.#done = new Watch(setup, context, stateFile).run(this.#ends.signal);
    await vi.waitFor(() => statSync(this.options.alertSocket), until);
    await vi.waitFor(() => expect(this.seen + this.blind.length).toBeGreaterThan(0), until);
  }

  #observation(sample: string): ClusterReading {
    const { view, cib } = observationOf(sample);
    const states = new Map(cib.states);
    const c2 = states.get('c2');
    if (c2 !== undefined && this.fencedAt !== undefined) states.set('c2', { ...c2, fencedAt: this.fencedAt });
    return { view: { ...view, fencing: [...this.fencings, ...view.fencing] }, cib: { ...cib, states } };
  }

  async stop(): Promise<void> {
    this.#ends.abort();
    await this.#done;
  }

  async alert(): Promise<void> {
    await runAlert({ CRM_alert_kind: 'fencing', CRM_alert_recipient: this.options.alertSocket });
  }

  async waitForReports(...expected: readonly string[]): Promise<void> {
    await vi.waitFor(() => expect(this.reports).toEqual(expected), until);
  }

  async waitForState(host: string, reported: string | undefined): Promise<void> {
    await vi.waitFor(() => expect(this.state()[host]?.said).toBe(reported), until);
  }

  state(): Record<string, { said: string } | undefined> {
    return this.#stateFile()?.hosts ?? {};
  }

  async waitForKnown(host: string, ...times: readonly string[]): Promise<void> {
    const known = () => this.#stateFile()?.fencings?.[host]?.map((at) => new Date(at).toISOString().slice(11, 19));
    await vi.waitFor(() => expect(known()).toEqual(times), until);
  }

  #stateFile():
    | { hosts: Record<string, { said: string }>; fencings?: Record<string, readonly number[] | undefined> }
    | undefined {
    const isThere = statSync(this.options.stateFile, { throwIfNoEntry: false }) !== undefined;
    return isThere ? JSON.parse(readFileSync(this.options.stateFile, 'utf8')) : undefined;
  }

  /** Waits for this number of further polls of Pacemaker, with their decisions. */
  async morePolls(many: number): Promise<void> {
    const polls = this.polls;
    await this.alert();
    await vi.waitFor(() => expect(this.polls).toBeGreaterThanOrEqual(polls + many), until);
  }
}

async function watching(scene: Scene, work: () => Promise<void>): Promise<void> {
  await scene.start();
  try {
    await work();
  } finally {
    await scene.stop();
  }
}

describe('a host', () => {
  test('that is dead when the monitor starts is reported, with proof and the time of the fencing', async () => {
    const scene = new Scene('remote-fenced-offline');
    await watching(scene, () => scene.waitForReports('c2 STOPPED'));
    expect(scene.bodies).toEqual([
      {
        notification: {
          type: 'COMPUTE_HOST',
          hostname: 'c2',
          generated_time: '2026-11-21T08:39:57.000Z',
          payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
        },
      },
    ]);
  });

  test('is reported identically by every controller', async () => {
    // Captured from one cluster, one and a half minutes apart.
    const early = new Scene('remote-fenced-before-start-pending');
    const late = new Scene('remote-start-pending-for-long');
    for (const scene of [early, late]) await watching(scene, () => scene.waitForReports('c2 STOPPED'));
    expect(late.bodies).toEqual(early.bodies);
  });

  test('is polled at the alert of Pacemaker, long before the next poll is due', async () => {
    const scene = new Scene('all-online');
    await watching(scene, async () => {
      scene.shows = 'remote-fenced-offline';
      await scene.alert();
      await scene.waitForReports('c2 STOPPED');
    });
  });

  test('is reported when its proof appears some time after the alert', async () => {
    const scene = new Scene('all-online');
    await watching(scene, async () => {
      scene.shows = 'remote-unclean';
      await scene.morePolls(2);
      expect(scene.reports).toEqual([]);
      scene.shows = 'remote-fenced-offline';
      await scene.waitForReports('c2 STOPPED');
    });
  });

  test('is polled more often while it is suspected', async () => {
    const scene = new Scene('remote-unclean', { suspicionIntervalMs: 20 });
    await watching(scene, async () => {
      await vi.waitFor(() => expect(scene.polls).toBeGreaterThan(3), until);
      scene.shows = 'remote-fenced-offline';
      await scene.waitForReports('c2 STOPPED');
    });
    expect(scene.logged).toContain('warning: host is suspected');
  });

  test('that returns is reported, and its next death too', async () => {
    const scene = new Scene('remote-fenced-offline');
    await watching(scene, async () => {
      await scene.waitForReports('c2 STOPPED');
      scene.shows = 'all-online';
      await scene.alert();
      await scene.waitForReports('c2 STOPPED', 'c2 STARTED');
      scene.shows = 'remote-fenced-offline';
      await scene.alert();
      await scene.waitForReports('c2 STOPPED', 'c2 STARTED', 'c2 STOPPED');
    });
  });

  test('that is shown online while its connection is retried is not back', async () => {
    const scene = new Scene('remote-fenced-but-start-pending-shown-online');
    await watching(scene, async () => {
      await scene.waitForReports('c2 STOPPED');
      await scene.morePolls(3);
      expect(scene.reports).toEqual(['c2 STOPPED']);
    });
  });

  test('is reported with its name in Nova', async () => {
    const scene = new Scene('remote-fenced-offline', { hostNames: { c2: 'nova-2.example.org' } });
    await watching(scene, () => scene.waitForReports('nova-2.example.org STOPPED'));
  });

  test('is not reported if two nodes have its name', async () => {
    const scene = new Scene('remote-fenced-offline', { hostNames: { c2: 'c1' } });
    await watching(scene, () => scene.morePolls(2));
    expect(scene.reports).toEqual([]);
  });
});

describe('a host that would not be watched', () => {
  test('because its name is misspelt is unknown, and is logged', async () => {
    const scene = new Scene('remote-fenced-offline', { computeHosts: ['c2', 'c3'] });
    await watching(scene, () => scene.waitForReports('c2 STOPPED'));
    expect(scene.logged).toContain('info: host is unknown');
    expect(scene.logged).toContain('warning: expected hosts are not watched');
    expect(scene.blind).toEqual([]);
  });

  test('because it does not exist makes the monitor blind', async () => {
    const scene = new Scene('all-online', { computeHosts: ['c3'] });
    await watching(scene, async () => {});
    expect(scene.blind).toContainEqual(expect.stringContaining('Pacemaker knows no node c3; see [host] compute_hosts'));
  });
});

describe('nothing is reported, and no return either,', () => {
  test.each([
    'no-quorum',
    'inside-minority-partition',
    'maintenance-c2-killed',
    'remote-unclean',
    'remote-fencing-failed',
  ])('of %s', async (sample) => {
    const scene = new Scene(sample);
    await watching(scene, () => scene.morePolls(2));
    expect(scene.reports).toEqual([]);
  });

  test('while Pacemaker does not respond, after a death', async () => {
    const scene = new Scene('remote-fenced-offline');
    await watching(scene, async () => {
      await scene.waitForReports('c2 STOPPED');
      scene.shows = new Error('crm_mon timed out after 15 s');
      await scene.morePolls(2);
      scene.shows = 'no-quorum';
      await scene.morePolls(2);
    });
    expect(scene.reports).toEqual(['c2 STOPPED']);
  });
});

describe('a proof is sent with the report of', () => {
  test('a fencing that completed since the last poll', async () => {
    const scene = new Scene('all-online');
    await watching(scene, async () => {
      scene.shows = 'remote-fenced-offline';
      await scene.alert();
      await scene.waitForReports('c2 STOPPED');
    });
    expect(scene.proofs).toEqual(['fencing']);
  });

  test('a fencing just before the start, and not of one of days ago: the host may have booted since', async () => {
    for (const [fencedAt, proof] of [
      [Date.now(), 'fencing'],
      [undefined, 'none'],
    ] as const) {
      const scene = new Scene('remote-fenced-offline');
      scene.fencedAt = fencedAt;
      await watching(scene, () => scene.waitForReports('c2 STOPPED'));
      expect(scene.proofs).toEqual([proof]);
    }
  });

  test("no return, and no operator's confirmation", async () => {
    const scene = new Scene('all-online');
    await watching(scene, async () => {
      scene.shows = 'remote-fencing-confirmed-by-hand';
      await scene.alert();
      await scene.waitForReports('c2 STOPPED');
      scene.shows = 'all-online';
      await scene.alert();
      await scene.waitForReports('c2 STOPPED', 'c2 STARTED');
    });
    expect(scene.proofs).toEqual(['none', 'none']);
  });
});

describe('a host that was fenced and is back', () => {
  test('between two polls is reported as dead since its fencing, then as back, without a proof', async () => {
    const scene = new Scene('all-online');
    const began = Date.now();
    await watching(scene, async () => {
      // Captured after a fencing of c2 and its return.
      scene.shows = 'remote-daemon-killed';
      await scene.alert();
      await scene.waitForReports('c2 STOPPED', 'c2 STARTED');
      await scene.morePolls(2);
      expect(scene.reports).toEqual(['c2 STOPPED', 'c2 STARTED']);
    });
    const [death, back] = scene.bodies.map(({ notification }) => notification);
    expect(death).toEqual({
      type: 'COMPUTE_HOST',
      hostname: 'c2',
      generated_time: '2026-11-21T08:15:31.000Z',
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
    });
    expect(Date.parse(String(back?.generated_time))).toBeGreaterThanOrEqual(began);
    expect(scene.proofs).toEqual(['none', 'none']);
    expect(scene.logged).toContain('warning: host was fenced and is back');
  });

  test('while no monitor ran is reported by the next start, once', async () => {
    const scene = new Scene('all-online');
    await watching(scene, () => scene.waitForKnown('c2'));
    scene.shows = 'remote-daemon-killed';
    await watching(scene, () => scene.waitForKnown('c2', '08:15:31'));
    await watching(scene, () => scene.morePolls(2));
    expect(scene.reports).toEqual(['c2 STOPPED', 'c2 STARTED']);
  });

  test('before the first start of all is not reported, but its next fencing is', async () => {
    const scene = new Scene('remote-daemon-killed');
    await watching(scene, async () => {
      await scene.waitForKnown('c2', '08:15:31');
      expect(scene.reports).toEqual([]);
      scene.fencings = [fencing('c2', '09:00:00', { action: 'off' })];
      await scene.alert();
      await scene.waitForReports('c2 STOPPED', 'c2 STARTED');
    });
    expect(scene.bodies[0]?.notification.generated_time).toBe('2026-11-21T09:00:00.000Z');
  });

  test('after its death was reported is reported as back, and not as dead again', async () => {
    const scene = new Scene('remote-fenced-offline');
    await watching(scene, async () => {
      await scene.waitForReports('c2 STOPPED');
      scene.shows = 'all-online';
      // Learned from a node whose clock differs.
      scene.fencings = [fencing('c2', '08:39:59')];
      await scene.alert();
      await scene.waitForReports('c2 STOPPED', 'c2 STARTED');
      await scene.morePolls(2);
    });
    expect(scene.reports).toEqual(['c2 STOPPED', 'c2 STARTED']);
  });

  test('a second time since its death was reported died twice', async () => {
    const scene = new Scene('remote-fenced-offline');
    await watching(scene, () => scene.waitForState('c2', 'dead'));
    scene.shows = 'all-online';
    scene.fencings = [fencing('c2', '08:39:57'), fencing('c2', '09:00:00')];
    await watching(scene, () => scene.waitForReports('c2 STOPPED', 'c2 STOPPED', 'c2 STARTED'));
  });

  test('is reported as back after a crash between the two reports', async () => {
    const scene = new Scene('all-online');
    await watching(scene, () => scene.waitForKnown('c2'));
    scene.shows = 'remote-daemon-killed';
    const { promise: never } = Promise.withResolvers<void>();
    let reported = 0;
    scene.outbox = () => {
      reported += 1;
      return reported === 1 ? Promise.resolve() : never;
    };
    await watching(scene, () => vi.waitFor(() => expect(reported).toBe(2), until));
    expect(scene.reports).toEqual(['c2 STOPPED']);
    scene.outbox = async () => {};
    await watching(scene, () => scene.waitForReports('c2 STOPPED', 'c2 STARTED'));
  });

  test('is not reported for a fencing that failed, was only confirmed, or is of no compute host', async () => {
    const scene = new Scene('all-online');
    await watching(scene, async () => {
      scene.fencings = [
        fencing('c1', '09:00:00', { status: 'failed' }),
        fencing('c1', '09:00:01', { action: 'on' }),
        fencing('c2', '09:00:02', { action: 'off', delegate: 'a human' }),
        fencing('n1', '09:00:03'),
      ];
      await scene.morePolls(3);
    });
    expect(scene.reports).toEqual([]);
  });

  test('is reported once the cluster has quorum, and once its maintenance ends', async () => {
    const scene = new Scene('all-online');
    await watching(scene, async () => {
      scene.fencings = [fencing('c1', '09:00:00')];
      for (const sample of ['no-quorum', 'maintenance-mode']) {
        scene.shows = sample;
        await scene.morePolls(2);
      }
      expect(scene.reports).toEqual([]);
      scene.shows = 'all-online';
      await scene.alert();
      await scene.waitForReports('c1 STOPPED', 'c1 STARTED');
    });
  });

  test('is not reported to a Masakari, which would disable it', async () => {
    const scene = new Scene('all-online');
    scene.lateDeaths = { lateDeaths: 'silent' };
    await watching(scene, async () => {
      scene.shows = 'remote-daemon-killed';
      await scene.alert();
      await scene.waitForKnown('c2', '08:15:31');
    });
    expect(scene.reports).toEqual([]);
    expect(scene.logged).toContain('warning: host was fenced and is back; Masakari is not notified');
  });
});

describe('a restart', () => {
  test('does not repeat reports, and reports later changes', async () => {
    const scene = new Scene('remote-fenced-offline');
    await watching(scene, () => scene.waitForState('c2', 'dead'));
    await watching(scene, () => scene.morePolls(2));
    expect(scene.reports).toEqual(['c2 STOPPED']);
    scene.shows = 'all-online';
    await watching(scene, () => scene.waitForReports('c2 STOPPED', 'c2 STARTED'));
    expect(scene.state()).toEqual({});
  });

  test('between two deaths misses none', async () => {
    // Fenced at 08:10:01, and in the later sample of another day of the lab at 08:39:57.
    const scene = new Scene('remote-fenced-but-start-pending-shown-online');
    await watching(scene, () => scene.waitForState('c2', 'dead'));
    scene.shows = 'remote-fenced-offline';
    await watching(scene, () => scene.waitForReports('c2 STOPPED', 'c2 STOPPED'));
    expect(scene.bodies.map(({ notification }) => notification.generated_time)).toEqual([
      '2026-11-21T08:10:01.000Z',
      '2026-11-21T08:39:57.000Z',
    ]);
  });

  test('repeats a report that the outbox did not store', async () => {
    const scene = new Scene('remote-fenced-offline');
    const { promise: never } = Promise.withResolvers<void>();
    let tries = 0;
    scene.outbox = () => {
      tries += 1;
      return never;
    };
    await watching(scene, () => vi.waitFor(() => expect(tries).toBe(1), until));
    expect(scene.state()).toEqual({});
    scene.outbox = async () => {};
    await watching(scene, () => scene.waitForReports('c2 STOPPED'));
  });
});

test('a report that fails is retried, and is in the state file only after it is durable', async () => {
  const scene = new Scene('remote-fenced-offline');
  let tries = 0;
  scene.outbox = async () => {
    tries += 1;
    expect(scene.state()).toEqual({});
    if (tries === 1) throw new Error('no space left');
  };
  await watching(scene, async () => {
    await vi.waitFor(() => expect(tries).toBe(1), until);
    await scene.alert();
    await scene.waitForReports('c2 STOPPED');
    await scene.waitForState('c2', 'dead');
  });
  expect(scene.logged).toContain('error: a report of a host could not be stored; it is retried');
});

test('a state file that cannot be written is no reason to repeat a report', async () => {
  const folder = join(directory, 'unwritable');
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), '');
  const scene = new Scene('remote-fenced-offline', { stateFile: join(folder, 'file', 'state.json') }, folder);
  await watching(scene, async () => {
    await scene.waitForReports('c2 STOPPED');
    await scene.morePolls(3);
    expect(scene.reports).toEqual(['c2 STOPPED']);
  });
});

describe('the monitor is blind', () => {
  test('while Pacemaker cannot be queried, and recovers when it can', async () => {
    const scene = new Scene('all-online', { monitoringIntervalMs: 20 });
    scene.shows = new Error('crm_mon is not installed here');
    await watching(scene, async () => {
      expect(scene.blind[0]).toBe('Pacemaker: crm_mon is not installed here');
      expect(scene.seen).toBe(0);
      scene.shows = 'all-online';
      await vi.waitFor(() => expect(scene.seen).toBeGreaterThan(0), until);
    });
  });

  test('without quorum', async () => {
    const scene = new Scene('no-quorum');
    await watching(scene, async () => {
      expect(scene.blind).toEqual(['Pacemaker has no state of any host: the cluster has no quorum here']);
    });
  });
});

test('suspected hosts are reported as UNKNOWN if the option requires it', async () => {
  const scene = new Scene('remote-unclean', { reportUnproven: true });
  await watching(scene, () => scene.waitForReports('c2 STOPPED'));
  expect(scene.bodies[0]?.notification.payload).toMatchObject({ host_status: 'UNKNOWN' });
});
