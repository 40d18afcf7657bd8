/** Outbox, delivery and a server that responds like an engine, with real files, sockets and processes. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { RPC_ERRORS, RpcError } from '#protocol/json-rpc.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { InvalidNotification, parseNotification } from '#protocol/notification.ts';
import { RpcServer } from '#protocol/server.ts';
import { Program } from '#test/world/engine-world.ts';
import type { Recheck } from '../service/monitor.ts';
import type { Moment } from './age.ts';
import { Delivery } from './delivery.ts';
import { Outbox } from './outbox.ts';
import { EngineTarget } from './targets/engine/target.ts';

const SENDER = fileURLToPath(new URL('../../test/world/outbox-sender.ts', import.meta.url));
const WAIT = { timeout: 20_000 };

interface Params {
  readonly notification: { readonly hostname: string; readonly payload: { readonly event: string } };
  readonly delivery?: { readonly age_seconds: number; readonly attempts: number };
  readonly proof?: string;
}

function down(hostname: string, event: 'STARTED' | 'STOPPED' = 'STOPPED'): NotificationBody {
  const generated_time = new Date().toISOString();
  return { notification: { type: 'COMPUTE_HOST', hostname, generated_time, payload: { event } } };
}

function provenDead(hostname: string): NotificationBody {
  const generated_time = new Date().toISOString();
  const payload = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' } as const;
  return { notification: { type: 'COMPUTE_HOST', hostname, generated_time, payload } };
}

function guestDown(hostname: string, number: number, event = 'LIFECYCLE'): NotificationBody {
  const instance_uuid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  const payload = { event, instance_uuid, vir_domain_event: 'STOPPED_FAILED' };
  return { notification: { type: 'VM', hostname, generated_time: new Date().toISOString(), payload } };
}

/** A folder, and an engine that starts and stops and records what it receives. */
class Scene implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-agent-outbox-'));
  readonly folder = join(this.directory, 'outbox');
  readonly socket = join(this.directory, 'engine.sock');
  readonly lines: string[] = [];
  readonly got: Params[] = [];
  readonly programs: Program[] = [];
  /** Fields beside a notification that this engine knows. */
  knows: readonly string[] = ['delivery', 'proof'];
  /** The result for a notification before it is acknowledged. */
  decide: (params: Params) => Promise<void> | void = () => {};
  recheck: (body: NotificationBody, proof: string) => Promise<Recheck> = async () => 'unknown';
  now: (() => Moment) | undefined;
  readonly #ends: (() => Promise<void>)[] = [];
  #server: RpcServer | undefined;

  readonly log = (level: string, message: string): void => {
    this.lines.push(`${level} ${message}`);
  };

  async engineComes(path = this.socket): Promise<void> {
    this.#server = await RpcServer.listen(path, {
      notify: async (params) => {
        const fields = Object.entries(params as Record<string, unknown>);
        try {
          parseNotification(Object.fromEntries(fields.filter(([name]) => !this.knows.includes(name))));
        } catch (error) {
          // As an engine responds.
          if (!(error instanceof InvalidNotification)) throw error;
          throw new RpcError(RPC_ERRORS.invalidParams, error.message, error.field);
        }
        const received = params as Params;
        this.got.push(received);
        await this.decide(received);
        return { notification_uuid: 'u', status: 'new', duplicate: false };
      },
      instance: async (params) =>
        (params as { uuid: string }).uuid === 'known'
          ? { status: 'found', host: 'c1', vm_state: 'active', task_state: null }
          : null,
    });
  }

  async engineGoes(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  get hosts(): string[] {
    return this.got.map(({ notification }) => notification.hostname);
  }

  files(folder = this.folder): string[] {
    return readdirSync(folder).filter((name) => name.endsWith('.report'));
  }

  outbox(): Promise<Outbox> {
    return Outbox.open({ folder: this.folder, log: this.log, ...(this.now ? { now: this.now } : {}) });
  }

  target(paths: readonly string[] = [this.socket], answerTimeoutMs = 30_000): EngineTarget {
    return new EngineTarget({
      description: 'engine',
      addresses: () => paths.map((path) => ({ kind: 'unix', path })),
      answerTimeoutMs,
    });
  }

  /** Delivers in this process until the end of the test or of the function that is returned. */
  async deliver(outbox: Outbox, target = this.target()): Promise<() => Promise<void>> {
    const stop = new AbortController();
    const delivery = new Delivery({
      outbox,
      target,
      log: this.log,
      recheck: (body, proof) => this.recheck(body, proof),
      staleAfterMs: 60_000,
      retryIntervalMs: 200,
      ...(this.now ? { now: this.now } : {}),
    });
    const running = delivery.run(stop.signal);
    const end = async (): Promise<void> => {
      stop.abort();
      await target.close();
      await running;
    };
    this.#ends.push(end);
    return end;
  }

  sender(...hosts: string[]): Program {
    const program = new Program([SENDER, this.folder, this.socket, ...hosts], {}, process.execPath);
    this.programs.push(program);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.programs.map((program) => program.kill('SIGKILL')));
    await this.engineGoes();
    for (const end of this.#ends) await end();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

let scene = new Scene();
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
  scene = new Scene();
});

describe('a report', () => {
  it('is delivered at once, with its age, and is removed from the outbox', async () => {
    await scene.engineComes();
    const outbox = await scene.outbox();
    await scene.deliver(outbox);
    await outbox.put(down('c1'));
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect(scene.got).toMatchObject([{ notification: { hostname: 'c1' }, delivery: { attempts: 1 } }]);
    expect(scene.got[0]?.delivery?.age_seconds).toBeGreaterThanOrEqual(0);
    await expect.poll(() => scene.lines, WAIT).toContain('info notification delivered: u new');
  });

  it('is sent with the proof of its monitor, and without the field if there is none', async () => {
    await scene.engineComes();
    const outbox = await scene.outbox();
    await outbox.put(provenDead('c1'), 'fencing');
    await outbox.put(provenDead('c2'));
    await scene.deliver(outbox);
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    const proofs = scene.got.map(({ notification: { hostname }, proof }) => `${hostname} ${proof}`);
    expect(proofs.toSorted()).toEqual(['c1 fencing', 'c2 undefined']);
    expect(Object.keys(scene.got.find(({ proof }) => proof === undefined) ?? {})).not.toContain('proof');
  });

  it('is sent without its proof to an engine of a version that does not accept proofs', async () => {
    scene.knows = ['delivery'];
    await scene.engineComes();
    const outbox = await scene.outbox();
    await scene.deliver(outbox);
    await outbox.put(provenDead('c1'), 'fencing');
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect(scene.got).toMatchObject([{ notification: { hostname: 'c1' }, delivery: { attempts: 1 } }]);
    expect(scene.lines.join()).not.toContain('set aside');
  });

  it('waits while the engine is down and is delivered once when it is back; both are logged once', async () => {
    const outbox = await scene.outbox();
    await scene.deliver(outbox);
    for (const host of ['c1', 'c2', 'c3']) await outbox.put(down(host));
    await expect.poll(() => scene.lines.join(), WAIT).toContain('notifications wait: no engine runs there');
    await scene.engineComes();
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect(scene.hosts.toSorted()).toEqual(['c1', 'c2', 'c3']);
    expect(scene.lines.filter((line) => line.includes('wait'))).toHaveLength(1);
    expect(scene.lines.filter((line) => line.includes('delivered again'))).toHaveLength(1);
  });

  it('is sent after the earlier ones of its host, also if the first attempts fail', async () => {
    await scene.engineComes();
    let failures = 2;
    scene.decide = ({ notification }) => {
      if (notification.hostname === 'c1' && failures-- > 0) throw new Error('out of luck');
    };
    const outbox = await scene.outbox();
    const events = ['STOPPED', 'STARTED', 'STOPPED', 'STARTED'] as const;
    await Promise.all(events.map((event) => outbox.put(down('c1', event))));
    await scene.deliver(outbox);
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    const received = scene.got.map(({ notification }) => notification.payload.event);
    expect(received).toEqual(['STOPPED', 'STOPPED', ...events]);
    expect(scene.got.map(({ delivery }) => delivery?.attempts)).toEqual([1, 2, 3, 1, 1, 1]);
  });

  it('does not wait for a report of another host that hangs or fails', async () => {
    await scene.engineComes();
    const held = Promise.withResolvers<void>();
    scene.decide = ({ notification }) => {
      if (notification.hostname === 'bad') throw new Error('out of luck');
      return notification.hostname === 'slow' ? held.promise : undefined;
    };
    const outbox = await scene.outbox();
    await scene.deliver(outbox);
    for (const host of ['slow', 'bad', 'c1', 'c2']) await outbox.put(down(host));
    await expect.poll(() => scene.files().length, WAIT).toBe(2);
    expect(scene.hosts).toEqual(expect.arrayContaining(['slow', 'bad', 'c1', 'c2']));
    held.resolve();
    await expect.poll(() => scene.files().length, WAIT).toBe(1);
  });

  it('that is refused is set aside with its reason and delays no other report', async () => {
    await scene.engineComes();
    scene.decide = ({ notification }) => {
      if (notification.payload.event === 'STOPPED') throw new RpcError(RPC_ERRORS.invalidParams, 'no such host');
    };
    const outbox = await scene.outbox();
    await outbox.put(down('c1'));
    await outbox.put(down('c1', 'STARTED'));
    await scene.deliver(outbox);
    await expect.poll(() => scene.got.length, WAIT).toBe(2);
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect(scene.files(join(scene.folder, 'set-aside'))).toHaveLength(1);
    expect(scene.lines).toContain('error set aside: it is refused: engine: no such host');
  });

  it('is sent again when the acknowledgement was lost', async () => {
    await scene.engineComes();
    let isFirst = true;
    scene.decide = async () => {
      if (!isFirst) return;
      isFirst = false;
      void scene.engineGoes().then(() => scene.engineComes());
      await new Promise(() => {});
    };
    const outbox = await scene.outbox();
    await outbox.put(down('c1'));
    await scene.deliver(outbox);
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect(scene.hosts).toEqual(['c1', 'c1']);
    expect(scene.got[0]?.notification).toEqual(scene.got[1]?.notification);
  });
});

describe('an old report', () => {
  const boot = { wallMs: 0, bootId: 'b', uptimeMs: 0 };

  async function old(): Promise<Outbox> {
    scene.now = () => boot;
    const outbox = await scene.outbox();
    await outbox.put(down('c1'));
    await outbox.put(down('c2'));
    scene.now = () => ({ ...boot, uptimeMs: 3_600_000 });
    return outbox;
  }

  it('is rechecked before it is sent: if the failure is over it is dropped and logged, else it is sent with its age', async () => {
    const requested: string[] = [];
    scene.recheck = async ({ notification }) => {
      requested.push(notification.hostname);
      return notification.hostname === 'c1' ? 'over' : 'still';
    };
    const outbox = await old();
    await scene.deliver(outbox);
    await expect.poll(() => scene.lines.join(), WAIT).toContain('notifications wait');
    expect(requested).toEqual([]);
    await scene.engineComes();
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect(scene.got).toMatchObject([{ notification: { hostname: 'c2' }, delivery: { age_seconds: 3600 } }]);
    expect(scene.lines).toContain('info an old report was rechecked: over');
  });

  it('is sent without its proof, which may be out of date; its monitor gets the proof', async () => {
    const requested: string[] = [];
    scene.recheck = async (_, proof) => {
      requested.push(proof);
      return 'still';
    };
    scene.now = () => boot;
    const outbox = await scene.outbox();
    await outbox.put(provenDead('c1'), 'fencing');
    scene.now = () => ({ ...boot, uptimeMs: 3_600_000 });
    await scene.engineComes();
    await scene.deliver(outbox);
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect(requested).toEqual(['fencing']);
    expect(scene.got.map(({ proof }) => proof)).toEqual([undefined]);
  });

  it('is sent if its monitor does not know, or fails', async () => {
    scene.recheck = async ({ notification }) => {
      if (notification.hostname === 'c1') throw new Error('out of luck');
      return 'unknown';
    };
    const outbox = await old();
    await scene.engineComes();
    await scene.deliver(outbox);
    await expect.poll(() => scene.hosts.toSorted(), WAIT).toEqual(['c1', 'c2']);
  });

  it('of a host that is proven dead is held while its state is unknown, and is sent or dropped afterwards', async () => {
    scene.now = () => boot;
    const outbox = await scene.outbox();
    for (const host of ['c1', 'c2']) await outbox.put(provenDead(host));
    scene.now = () => ({ ...boot, uptimeMs: 3_600_000 });
    let polls = 0;
    let words: Readonly<Record<string, Recheck>> = {};
    scene.recheck = async ({ notification }) => {
      polls += 1;
      return words[notification.hostname] ?? 'unknown';
    };
    await scene.engineComes();
    await scene.deliver(outbox);
    await expect.poll(() => polls, WAIT).toBeGreaterThan(12);
    expect(scene.got).toEqual([]);
    expect(scene.files()).toHaveLength(2);
    expect(scene.lines.join()).toContain('warning an old report of a dead host is held');
    words = { c1: 'over', c2: 'still' };
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect(scene.hosts).toEqual(['c2']);
  });

  it('does not result from a jump of the wall clock', async () => {
    scene.recheck = async () => 'over';
    scene.now = () => ({ ...boot, wallMs: 0, uptimeMs: 1_000 });
    const outbox = await scene.outbox();
    await outbox.put(down('c1'));
    scene.now = () => ({ ...boot, wallMs: 86_400_000, uptimeMs: 2_000 });
    await scene.engineComes();
    await scene.deliver(outbox);
    await expect.poll(() => scene.got, WAIT).toMatchObject([{ delivery: { age_seconds: 1 } }]);
  });
});

describe('a report at which the engine fails repeatedly', () => {
  const received = (): string[] =>
    scene.got.map(({ notification: { payload } }) => {
      const { instance_uuid = '', event } = payload as { instance_uuid?: string; event: string };
      return `${instance_uuid.slice(-1)} ${event}`;
    });

  it('does not delay the others of its host, holds those of the same instance, and is accepted once the engine recovers', async () => {
    let isMended = false;
    const accepted: string[] = [];
    scene.decide = () => {
      const last = received().at(-1) ?? '';
      if (!isMended && last === '1 LIFECYCLE') throw new Error('out of luck');
      accepted.push(last);
    };
    await scene.engineComes();
    const outbox = await scene.outbox();
    await outbox.put(guestDown('c1', 1));
    await outbox.put(guestDown('c1', 2));
    await outbox.put(guestDown('c1', 1, 'IO_ERROR'));
    await scene.deliver(outbox);
    await expect.poll(() => accepted, WAIT).toEqual(['2 LIFECYCLE']);
    expect(scene.lines.join()).toContain('error a notification that is not accepted is parked');
    await outbox.put(guestDown('c1', 3));
    await outbox.put(guestDown('c1', 1, 'QEMU_GUEST_AGENT_ERROR'));
    await expect.poll(() => accepted, WAIT).toEqual(['2 LIFECYCLE', '3 LIFECYCLE']);
    const before = scene.got.length;
    await expect.poll(() => scene.got.length, WAIT).toBeGreaterThan(before + 2);
    expect(received().slice(before)).not.toContain('1 IO_ERROR');
    isMended = true;
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect(accepted.slice(2)).toEqual(['1 LIFECYCLE', '1 IO_ERROR', '1 QEMU_GUEST_AGENT_ERROR']);
  });
});

it('a return is never sent before the parked death, also if it is written later or a restart is in between', async () => {
  let isMended = false;
  const accepted: string[] = [];
  scene.decide = ({ notification: { hostname, payload } }) => {
    if (!isMended && payload.event === 'STOPPED') throw new Error('out of luck');
    accepted.push(`${hostname} ${payload.event}`);
  };
  await scene.engineComes();
  const outbox = await scene.outbox();
  await outbox.put(down('c1'));
  const end = await scene.deliver(outbox);
  await expect.poll(() => scene.lines.join(), WAIT).toContain('error a notification that is not accepted is parked');
  await outbox.put(down('c1', 'STARTED'));
  await outbox.put(guestDown('c1', 1));
  await expect.poll(() => accepted, WAIT).toEqual(['c1 LIFECYCLE']);
  await end();
  const attempts = scene.got.length;
  await scene.deliver(await scene.outbox());
  await expect.poll(() => scene.got.length, WAIT).toBeGreaterThan(attempts + 1);
  expect(accepted).toEqual(['c1 LIFECYCLE']);
  isMended = true;
  await expect.poll(() => scene.files(), WAIT).toEqual([]);
  expect(accepted).toEqual(['c1 LIFECYCLE', 'c1 STOPPED', 'c1 STARTED']);
});

describe('several engines', () => {
  it('are tried in sequence; one that is stopping or down is skipped', async () => {
    const stopping = join(scene.directory, 'stopping.sock');
    let requested = 0;
    const other = await RpcServer.listen(stopping, {
      notify: async () => {
        requested += 1;
        throw new RpcError(RPC_ERRORS.stopping, 'the engine is stopping');
      },
    });
    try {
      await scene.engineComes();
      const outbox = await scene.outbox();
      await scene.deliver(outbox, scene.target([join(scene.directory, 'nowhere.sock'), stopping, scene.socket]));
      for (const host of ['c1', 'c2']) await outbox.put(down(host));
      await expect.poll(() => scene.hosts.toSorted(), WAIT).toEqual(['c1', 'c2']);
      await expect.poll(() => scene.files(), WAIT).toEqual([]);
      // The engine that responded is queried first from then on.
      const before = requested;
      await outbox.put(down('c3'));
      await expect.poll(() => scene.hosts, WAIT).toContain('c3');
      expect(requested).toBe(before);
      expect(scene.lines.join()).not.toContain('notifications wait');
    } finally {
      await other.close();
    }
  });

  it('return the facts of an instance, or none', async () => {
    await scene.engineComes();
    const target = scene.target();
    expect(await target.queryInstance('known')).toEqual({
      status: 'found',
      host: 'c1',
      vmState: 'active',
      taskState: null,
    });
    expect(await target.queryInstance('unknown')).toBeUndefined();
    await scene.engineGoes();
    expect(await target.queryInstance('known')).toBeUndefined();
    await target.close();
  });
});

describe('a process that is killed', { timeout: 60_000 }, () => {
  it('between sending and the acknowledgement: the next one sends the stored report, and nothing is lost', async () => {
    await scene.engineComes();
    scene.decide = () => new Promise(() => {});
    const first = scene.sender('c1', 'c2');
    await first.untilLogged('reported c2');
    await expect.poll(() => scene.got.length, WAIT).toBe(2);
    await first.kill('SIGKILL');
    expect(scene.files()).toHaveLength(2);
    const [before] = [scene.got.splice(0)];
    scene.decide = () => {};
    await scene.sender().untilLogged('delivered');
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    const byHost = (some: Params[]): unknown[] =>
      some.map(({ notification }) => notification).toSorted((a, b) => (a.hostname < b.hostname ? -1 : 1));
    // The same report, which an engine recognizes.
    expect(byHost(scene.got)).toEqual(byHost(before ?? []));
  });

  it('while no engine ran: delivered once after a restart', async () => {
    const first = scene.sender('c1', 'c2', 'c3');
    await first.untilLogged('reported c3');
    await first.kill('SIGKILL');
    await scene.engineComes();
    const second = scene.sender('c4');
    await expect.poll(() => scene.hosts.toSorted(), WAIT).toEqual(['c1', 'c2', 'c3', 'c4']);
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect((await second.kill('SIGTERM')).code).toBe(0);
    expect(scene.hosts).toHaveLength(4);
  });

  it('during a write: each stored report is delivered, each once', async () => {
    const hosts = Array.from({ length: 500 }, (_, index) => `c${index}`);
    const first = scene.sender(...hosts);
    await first.untilLogged('reported c40');
    const { stderr } = await first.kill('SIGKILL');
    const taken = hosts.filter((host) => stderr.includes(`reported ${host}\n`));
    await scene.engineComes();
    await scene.deliver(await scene.outbox());
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    await expect.poll(() => readdirSync(scene.folder).filter((name) => name.endsWith('.new')), WAIT).toEqual([]);
    expect(taken.length).toBeGreaterThan(40);
    expect(scene.hosts).toEqual(expect.arrayContaining(taken));
    // One more may have been written whose writer was killed before its response.
    expect(scene.hosts.length - taken.length).toBeLessThanOrEqual(1);
    expect(new Set(scene.hosts).size).toBe(scene.hosts.length);
  });

  it('is replaced by another that shares the outbox; two running ones do not send twice', async () => {
    await scene.engineComes();
    const first = scene.sender('c1');
    await expect.poll(() => scene.hosts, WAIT).toEqual(['c1']);
    const second = scene.sender('c2');
    await expect.poll(() => scene.hosts, WAIT).toEqual(['c1', 'c2']);
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    expect(second.stderr).not.toContain('notification delivered');
    await first.kill('SIGKILL');
    const third = scene.sender('c3');
    await expect.poll(() => scene.hosts, WAIT).toEqual(['c1', 'c2', 'c3']);
    await expect.poll(() => scene.files(), WAIT).toEqual([]);
    for (const program of [second, third]) await program.kill('SIGTERM');
    expect(scene.hosts).toEqual(['c1', 'c2', 'c3']);
    expect(readdirSync(scene.folder).filter((name) => name.startsWith('sender'))).toEqual(['sender.free']);
  });
});
