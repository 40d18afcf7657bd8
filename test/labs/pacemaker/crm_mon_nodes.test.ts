/**
 * Which nodes are compute hosts and what is found of each, from what the real crm_mon and cibadmin of Pacemaker 2.0, 2.1 and 3.0 print of
 * configurations with bundles, guest nodes and remote nodes.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import { createPacemakerSource } from '#monitors/host/sources/pacemaker/source.ts';
import { queryPacemaker } from '#monitors/host/sources/pacemaker/tools.ts';
import type { Source } from '#monitors/host/sources/source.ts';
import { BUNDLE, cib, FENCED_AT, FORMS, type Form, GUEST, type Scene, STOPPED } from './cib_forms.ts';
import { RELEASES, type Release, Tools } from './releases.ts';

const TIMEOUT_MS = 60_000;

/** The source as the monitor has it; only the PATH of the tools is another. */
async function sourceOf(tools: Tools, more: Partial<EngineOptions['hostMonitor']> = {}): Promise<Source> {
  const options = { ...DEFAULT_OPTIONS, hostMonitor: { ...DEFAULT_OPTIONS.hostMonitor, ...more } };
  return await createPacemakerSource(options, (timeoutMs, signal) => queryPacemaker(timeoutMs, signal, tools.path));
}

/** `NODE says`, or `blind: REASON`. */
async function readWith(source: Source): Promise<readonly string[]> {
  try {
    const facts = await source.poll(AbortSignal.timeout(TIMEOUT_MS));
    return facts
      .map(({ host, state, proof, detail }) => `${host} ${state}${proof ? ` (${proof})` : ''}: ${detail}`)
      .sort();
  } catch (error) {
    return [`blind: ${error instanceof Error ? error.message : String(error)}`];
  }
}

const READS: Readonly<Record<Release, readonly Release[]>> = {
  '2.0': ['2.0'],
  '2.1': ['2.0', '2.1'],
  '3.0': ['2.0', '2.1', '3.0'],
};

describe.each(RELEASES)('the tools of Pacemaker %s', (release) => {
  let tools: Tools | undefined;
  let missing = '';

  beforeAll(async () => {
    try {
      tools = await Tools.of(release);
    } catch (error) {
      missing = `no Pacemaker ${release} to be had here: ${error instanceof Error ? error.message : String(error)}`;
      // What is installed must be there.
      if (release === '2.1') throw error;
    }
  });
  afterAll(async () => {
    await tools?.[Symbol.asyncDispose]();
  });

  const of = (context: { skip: (note: string) => never }): Tools => tools ?? context.skip(missing);

  async function read(context: { skip: (note: string) => never }, form: Form, scene: Scene, more = {}) {
    const these = of(context);
    await these.show(cib(form, scene));
    return await readWith(await sourceOf(these, more));
  }

  it('are those of that release', async (context) => {
    expect(await of(context).version()).toMatch(new RegExp(`^Pacemaker ${release.replace('.', '\\.')}\\.`));
  });

  describe.each(FORMS.filter((form) => READS[release].includes(form.release)))('with a CIB of $release', (form) => {
    const members = ['n1', 'n2', 'n3'].map((name) => `${name} up: member of the cluster`);

    it.for<[string, Scene, readonly string[]]>([
      ['the cluster nodes', {}, members],
      ['the cluster nodes beside a bundle', { resources: BUNDLE }, members],
      ['the cluster nodes beside a guest node', { resources: GUEST }, members],
      ['the cluster nodes beside both', { resources: BUNDLE + GUEST + STOPPED }, members],
      ['the remote nodes', { remotes: [{ name: 'c1' }] }, ['c1 up: connected']],
      ['the remote nodes beside both', { remotes: [{ name: 'c1' }], resources: BUNDLE + GUEST }, ['c1 up: connected']],
    ])('the compute hosts are %s', async ([, scene, expected], context) => {
      expect(await read(context, form, scene)).toEqual(expected);
    });

    it('cluster nodes in every state are distinguished', async (context) => {
      const states = ['online', 'standby', 'maintenance', 'pending', 'unclean', 'left'] as const;
      const scene = { members: states.map((is) => ({ name: `n-${is}`, is })), resources: BUNDLE + GUEST };
      expect(await read(context, form, scene)).toEqual([
        'n-left leaving: left the cluster in order',
        'n-maintenance leaving: in maintenance',
        'n-online up: member of the cluster',
        'n-pending unknown: about to join the cluster',
        'n-standby leaving: in standby',
        'n-unclean down: lost and not fenced so far',
      ]);
    });

    it('remote nodes in every state are distinguished', async (context) => {
      const states = ['connected', 'fenced', 'new', 'disabled'] as const;
      const scene = { remotes: states.map((is) => ({ name: `c-${is}`, is })), resources: BUNDLE + GUEST };
      const at = new Date(FENCED_AT * 1000).toISOString();
      expect(await read(context, form, scene)).toEqual([
        'c-connected up: connected',
        'c-disabled leaving: its connection is disabled',
        `c-fenced down (fenced): fenced at ${at} according to the record of the cluster`,
        'c-new unknown: the cluster has no record of it',
      ]);
    });

    it.for<[string, Scene, RegExp]>([
      ['no quorum', { quorum: 'without' }, /^n1 unknown: the cluster has no quorum here/],
      ['no coordinator', { coordinator: 'none' }, /^n1 unknown: the cluster has no coordinator \(DC\) here/],
      ['no node', { members: [] }, /^blind: Pacemaker lists no node at all/],
      [
        'replicas of a bundle alone',
        { members: [], resources: BUNDLE },
        /^blind: Pacemaker has no node that is a compute host \(cluster nodes: 0, remote nodes: 0, guest nodes and replicas of bundles: 2\)/,
      ],
    ])('%s is no answer, and no death', async ([, scene, reason], context) => {
      expect((await read(context, form, scene))[0]).toMatch(reason);
    });

    it('the remote nodes that all vanish are missed', async (context) => {
      const these = of(context);
      const source = await sourceOf(these);
      await these.show(cib(form, { remotes: [{ name: 'c1' }] }));
      expect(await readWith(source)).toEqual(['c1 up: connected']);
      await these.show(cib(form, { resources: BUNDLE }));
      expect(await readWith(source)).toEqual([
        expect.stringMatching(/^blind: Pacemaker has no remote node any more, and remote nodes were the compute hosts/),
      ]);
    });
  });

  it('that find no cluster are blind, with their own reason', async (context) => {
    const these = of(context);
    await these.show(undefined);
    expect(await readWith(await sourceOf(these))).toEqual([
      expect.stringMatching(
        /^blind: crm_mon failed \(exit code 102\): .*(?:onnect|not available).*; is Pacemaker running/,
      ),
    ]);
  });

  it('that do not know the schema are blind, with the reason', async (context) => {
    const unknown = { release: '3.0', features: '3.99.0', schema: 'pacemaker-99.0' } as const;
    expect(await read(context, unknown, {})).toEqual([
      expect.stringMatching(/^blind: crm_mon .*(?:schema|CIB|onnect)/),
    ]);
  });

  it('that are cut off are blind', async (context) => {
    const these = of(context);
    const [form] = FORMS;
    if (form === undefined) throw new Error('no form');
    await these.show(cib(form, {}), '| /usr/bin/head -c 800');
    expect(await readWith(await sourceOf(these))).toEqual([
      expect.stringMatching(/^blind: crm_mon printed no whole XML/),
    ]);
  });
});
