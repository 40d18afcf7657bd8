import { describe, expect, it } from 'vitest';
import { planQueue } from './queue-decision.ts';

type Open = Parameters<typeof planQueue>[0]['open'][number];
let nextId = 1;

function open(uuid: string, change: Partial<Open> = {}): Open {
  const host = change.host ?? 'c1';
  return {
    id: nextId++,
    uuid,
    type: 'COMPUTE_HOST',
    host,
    target: `host:${host}`,
    status: 'new',
    retry_at: null,
    payload: '{"event":"STOPPED"}',
    parked_reason: null,
    parked_by: null,
    priority: 0,
    ...change,
  };
}

function plan(list: Open[], running: string[] = [], change: Partial<Parameters<typeof planQueue>[0]> = {}) {
  const facts = { now: 1000, maxConcurrent: 16, maxPerProject: 16, projects: new Map<string, string | null>() };
  return planQueue({ open: list, running: new Set(running), ...facts, ...change });
}

describe('the queue of recoveries', () => {
  it('starts hosts before instances, in the order they came', () => {
    const list = [
      open('i', { type: 'VM', host: 'c9', target: 'instance:x' }),
      open('a', { host: 'c1' }),
      open('b', { host: 'c2' }),
    ];
    expect(plan(list).start).toEqual(['a', 'b', 'i']);
  });

  it('starts what an operator preferred first, but no instance before a host', () => {
    const list = [
      open('i', { type: 'VM', host: 'c9', target: 'instance:x', priority: 9 }),
      open('a', { host: 'c1', priority: -1 }),
      open('b', { host: 'c2' }),
      open('c', { host: 'c3', priority: 5 }),
    ];
    expect(plan(list).start).toEqual(['c', 'b', 'a', 'i']);
  });

  it('does one thing at a time about one target', () => {
    expect(plan([open('a'), open('b')]).start).toEqual(['a']);
    expect(plan([open('a'), open('b')], ['a']).start).toEqual([]);
  });

  it('keeps to the limit', () => {
    const list = ['c1', 'c2', 'c3'].map((host) => open(host, { host }));
    expect(plan(list, [], { maxConcurrent: 2 }).start).toEqual(['c1', 'c2']);
    expect(plan(list, ['c1'], { maxConcurrent: 2 }).start).toEqual(['c2']);
  });

  it('has the recoveries of instances and processes wait for that of their host', () => {
    const list = [
      open('vm', { type: 'VM', target: 'instance:x', status: 'running' }),
      open('process', { type: 'PROCESS' }),
      open('host'),
    ];
    const parked = [
      { uuid: 'vm', by: 'host' },
      { uuid: 'process', by: 'host' },
    ];
    // The host has to wait until what is interrupted has stopped; no other host has.
    const other = open('other', { host: 'c2' });
    expect(plan([...list, other], ['vm'])).toMatchObject({ start: ['other'], supersede: [], park: parked });
    expect(plan(list)).toMatchObject({ start: ['host'], supersede: [], park: parked });
  });

  it('releases recoveries parked behind the recovery of a host when that has ended, in any state', () => {
    const waits = { type: 'VM', target: 'instance:x', parked_reason: 'Waits.', parked_by: 'host' } as const;
    const host = open('host');
    expect(plan([host, open('vm', waits)], ['host'])).toMatchObject({ park: [], release: [], start: [] });
    expect(plan([open('vm', waits)])).toMatchObject({ release: ['vm'], start: [] });
    // Another failure of the host has come in between.
    expect(plan([open('next'), open('vm', waits)])).toMatchObject({ park: [{ uuid: 'vm', by: 'next' }], release: [] });
    expect(plan([open('vm', { ...waits, parked_by: null })])).toMatchObject({ release: [], start: [] });
  });

  it('ends a recovery of an instance that waits for its retry when a newer crash of the instance is accepted', () => {
    const vm = { type: 'VM', target: 'instance:x' } as const;
    const waiting = open('first', { ...vm, status: 'error', retry_at: 500 });
    expect(plan([waiting, open('second', vm)])).toMatchObject({
      start: ['second'],
      supersede: [{ uuid: 'first', by: 'second' }],
    });
    // One that is at work brings it up itself, and is followed by the second.
    expect(plan([open('first', { ...vm, status: 'running' }), open('second', vm)], ['first'])).toMatchObject({
      start: [],
      supersede: [],
    });
  });

  it('has places of their own for hosts and for instances', () => {
    const vms = ['v1', 'v2'].map((uuid) => open(uuid, { type: 'VM', host: 'c9', target: `instance:${uuid}` }));
    const list = [...vms, open('host', { host: 'c1' }), open('v3', { type: 'VM', host: 'c8', target: 'instance:v3' })];
    expect(plan(list, ['v1', 'v2'], { maxConcurrent: 2 }).start).toEqual(['host']);
  });

  it('resumes a recovery in error when it is due and returns the time of the next check', () => {
    const due = open('due', { status: 'error', retry_at: 1000 });
    const later = open('later', { host: 'c2', status: 'error', retry_at: 5000 });
    expect(plan([due, later])).toMatchObject({ start: ['due'], nextReadAt: 5000 });
  });

  const back = (uuid: string, change: Partial<Open> = {}): Open =>
    open(uuid, { payload: '{"event":"STARTED"}', ...change });

  it('starts what a host that is back needs after everything that has failed', () => {
    const list = [
      back('home'),
      open('vm', { type: 'VM', host: 'c2', target: 'instance:x' }),
      open('host', { host: 'c3' }),
    ];
    expect(plan(list).start).toEqual(['host', 'vm', 'home']);
  });

  it.each(['new', 'running', 'error'] as const)('lets a return wait while a failure of the host is %s', (status) => {
    const list = [open('failed', { status, retry_at: 5000 }), back('home')];
    const decision = plan(list, ['failed']);
    expect([decision.start, decision.supersede, decision.park]).toEqual([[], [], [{ uuid: 'home', by: 'failed' }]]);
    // Not even where nothing of the failure runs just now.
    expect(plan(list).start).not.toContain('home');
    expect(plan([back('home')]).start).toEqual(['home']);
  });

  it.each(['new', 'running', 'error'] as const)('has a return that is %s wait when its host fails again', (status) => {
    const decision = plan([back('home', { status }), open('failed')], status === 'running' ? ['home'] : []);
    expect(decision.park).toEqual([{ uuid: 'home', by: 'failed' }]);
    expect(decision.start).not.toContain('home');
  });

  it('ends no recovery of an instance for the report of another host, which may be compromised', () => {
    const vm = { type: 'VM', target: 'instance:x' } as const;
    const waiting = open('true', { ...vm, status: 'error', retry_at: 500 });
    const decision = plan([waiting, open('foreign', { ...vm, host: 'evil' })]);
    expect(decision.supersede).toEqual([]);
    expect(plan([waiting]).start).toEqual(['true']);
  });

  it('ends nothing for a return: an instance or a process of the host that failed is recovered', () => {
    const list = [back('home'), open('vm', { type: 'VM', target: 'instance:x' }), open('process', { type: 'PROCESS' })];
    const decision = plan(list);
    expect(decision.supersede).toEqual([]);
    expect(decision.start).toEqual(['vm', 'process']);
    expect(plan(list, ['process']).start).toEqual(['vm']);
  });

  it('has a return that has started wait when an operator retries the failure of before', () => {
    const list = [open('old', { status: 'new' }), back('home', { status: 'running' })];
    // The failure starts when the return has stopped.
    expect(plan(list, ['home'])).toMatchObject({ start: [], park: [{ uuid: 'home', by: 'old' }] });
    expect(plan(list)).toMatchObject({ start: ['old'], park: [{ uuid: 'home', by: 'old' }] });
    expect(plan([open('old'), back('home', {})], ['home']).park).toHaveLength(1);
  });

  it('resumes a return that another engine left running before anything else about its target', () => {
    const list = [back('home', { status: 'running' }), open('process', { type: 'PROCESS' })];
    expect(plan(list).start).toEqual(['home']);
    expect(plan(list, ['home']).start).toEqual([]);
  });

  it('keeps the places that returns take for failures', () => {
    const list = [back('b1', { host: 'c1' }), back('b2', { host: 'c2' }), open('f', { host: 'c3' })];
    expect(plan(list, ['b1', 'b2'], { maxConcurrent: 2 }).start).toEqual(['f']);
    expect(plan(list, ['f', 'b1'], { maxConcurrent: 2 }).start).toEqual([]);
    expect(plan(list, ['f'], { maxConcurrent: 2 }).start).toEqual(['b1']);
  });

  it('takes up what another engine left running', () => {
    expect(plan([open('left', { status: 'running' })]).start).toEqual(['left']);
  });
});

describe('instances of projects', () => {
  const crash = (uuid: string, change: Partial<Open> = {}): Open =>
    open(uuid, { type: 'VM', host: 'c9', target: `instance:${uuid}`, ...change });
  const many = (project: string, count: number) => Array.from({ length: count }, (_, n) => crash(`${project}${n}`));
  const projectsOf = (list: readonly Open[]) => new Map(list.map(({ uuid, target }) => [target, uuid[0] ?? '']));
  const limits = { maxConcurrent: 16, maxPerProject: 4 };

  it('hold no more places than one project may, and the others have theirs', () => {
    const list = [...many('a', 40), crash('b0'), crash('b1')];
    const { start, readProjects } = plan(list, [], { ...limits, projects: projectsOf(list) });
    expect(start.toSorted()).toEqual(['a0', 'a1', 'a2', 'a3', 'b0', 'b1']);
    expect(readProjects).toEqual([]);
    // Those that run count.
    expect(plan(list, ['a7', 'a8', 'a9'], { ...limits, projects: projectsOf(list) }).start.toSorted()).toEqual([
      'a0',
      'b0',
      'b1',
    ]);
  });

  it('get a place that is free in a fair order, not in that of their crashes', () => {
    const list = [...many('a', 9), ...many('b', 9), ...many('c', 1)];
    const projects = projectsOf(list);
    expect(plan(list, [], { maxConcurrent: 5, maxPerProject: 4, projects }).start).toEqual([
      'a0',
      'b0',
      'c0',
      'a1',
      'b1',
    ]);
    expect(plan(list, ['a0', 'a1', 'a2'], { maxConcurrent: 5, maxPerProject: 4, projects }).start).toEqual([
      'b0',
      'c0',
    ]);
  });

  it('start without a read as long as they are fewer than one project may have', () => {
    const list = many('a', 4);
    expect(plan(list, [], limits)).toMatchObject({ start: ['a0', 'a1', 'a2', 'a3'], readProjects: [] });
  });

  it('wait for the read of their project where it decides, and count for every project until then', () => {
    const list = [...many('a', 6), crash('b0')];
    expect(plan(list, [], limits)).toMatchObject({
      start: ['a0', 'a1', 'a2', 'a3'],
      readProjects: list.map(({ target }) => target),
    });
    const known = projectsOf(list.slice(-1));
    expect(plan(list, ['a0', 'a1', 'a2', 'a3'], { ...limits, projects: known }).start).toEqual([]);
    expect(plan(list, ['a0', 'a1', 'a2', 'a3'], { ...limits, projects: projectsOf(list) }).start).toEqual(['b0']);
  });

  it('whose project Nova did not return share the permits of one', () => {
    const list = [...many('a', 9), crash('b0')];
    const projects = new Map(list.map(({ uuid, target }) => [target, uuid === 'b0' ? 'b' : null]));
    expect(plan(list, [], { ...limits, projects }).start.toSorted()).toEqual(['a0', 'a1', 'a2', 'a3', 'b0']);
  });

  it('leave one place at least to the others, and take the only one', () => {
    const list = [...many('a', 9), crash('b0')];
    const projects = projectsOf(list);
    expect(plan(list, ['a0', 'a1'], { maxConcurrent: 3, maxPerProject: 9, projects }).start).toEqual(['b0']);
    expect(plan(list, [], { maxConcurrent: 1, maxPerProject: 9, projects }).start).toEqual(['a0']);
  });

  it('are resumed, all that an engine left at work', () => {
    const left = Array.from({ length: 6 }, (_, n) => crash(`a${n}`, { status: 'running' }));
    expect(plan(left, [], limits).start).toHaveLength(6);
  });

  it('delay no recovery of a process', () => {
    const list = [...many('a', 9), open('p', { type: 'PROCESS', host: 'c3' })];
    expect(plan(list, ['a0', 'a1', 'a2', 'a3'], { ...limits, projects: projectsOf(list) }).start).toEqual(['p']);
  });
});
