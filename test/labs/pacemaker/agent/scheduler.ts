/**
 * Reaction of Pacemaker's scheduler to the exit code of an action: computed by the real crm_simulate, on a cluster of three nodes and
 * two remote nodes with fencing. The cluster's state is written by cibadmin and crm_simulate, never by hand.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, PATH } from '../execute.ts';

export const CLUSTER_NODES = ['n1', 'n2', 'n3'] as const;
export const REMOTE_NODES = ['compute-1', 'compute-2'] as const;

export interface Outcome {
  /** Nodes that are fenced, in the order of the transitions. */
  readonly fenced: readonly string[];
  /** Where the resource runs at the end. */
  readonly runsOn: string | undefined;
  /** The transition summaries and the last status. */
  readonly summary: string;
}

const REMOTE = (name: string): string =>
  `<primitive id="${name}" class="ocf" provider="pacemaker" type="remote"><operations>` +
  `<op id="${name}-monitor" name="monitor" interval="30s"/></operations></primitive>`;

const RESOURCE =
  '<primitive id="recovery" class="ocf" provider="openstack" type="recovery-agent"><operations>' +
  '<op id="recovery-start" name="start" interval="0s" timeout="120s"/>' +
  '<op id="recovery-stop" name="stop" interval="0s" timeout="60s"/>' +
  '<op id="recovery-monitor" name="monitor" interval="10s" timeout="60s"/></operations></primitive>';

/** Section and element. Every other option has its default. */
const CONFIGURATION: readonly (readonly [section: string, xml: string])[] = [
  ...CLUSTER_NODES.map((name, index) => ['nodes', `<node id="${index + 1}" uname="${name}"/>`] as const),
  ...REMOTE_NODES.map((name) => ['nodes', `<node id="${name}" type="remote" uname="${name}"/>`] as const),
  [
    'crm_config',
    '<cluster_property_set id="p"><nvpair id="p-f" name="stonith-enabled" value="true"/></cluster_property_set>',
  ],
  ['resources', '<primitive id="fencing" class="stonith" type="fence_xvm"/>'],
  ...REMOTE_NODES.map((name) => ['resources', REMOTE(name)] as const),
  ['resources', RESOURCE],
  ...REMOTE_NODES.map(
    (name) =>
      ['constraints', `<rsc_location id="not-on-${name}" rsc="recovery" node="${name}" score="-INFINITY"/>`] as const,
  ),
];

const STOPPED =
  '<primitive id="recovery"><meta_attributes id="recovery-meta">' +
  '<nvpair id="recovery-role" name="target-role" value="Stopped"/></meta_attributes></primitive>';

/** A loop of the scheduler that does not end within so many transitions is a failure. */
const MAX_TRANSITIONS = 10;

async function must(argv: readonly string[], file?: string): Promise<string> {
  const { status, stdout, stderr } = await execute(argv, { env: { PATH, ...(file ? { CIB_file: file } : {}) } });
  if (status !== 0) throw new Error(`${argv.join(' ')}: exit code ${status}: ${stderr}${stdout}`);
  return stdout;
}

/** Operations that fail in each transition in which they run. */
function failures(operation: string, nodes: readonly string[], code: number): readonly string[] {
  return code === 0 ? [] : nodes.map((node) => `${operation}@${node}=${code}`);
}

async function inject(file: string, operation: string, nodes: readonly string[], code: number): Promise<void> {
  for (const node of nodes)
    await must(['crm_simulate', '-x', file, '--op-inject', `${operation}@${node}=${code}`, '-O', file]);
}

/**
 * A fail-count that crm_simulate has increased. The controller sets INFINITY instead after a failed start (start-failure-is-fatal)
 * and after a failed stop.
 */
const FATAL_COUNT = /(name="fail-count-\S+#(?:start|stop)_0" value=)"\d+"/g;

function countAsController(file: string): void {
  writeFileSync(file, readFileSync(file, 'utf8').replace(FATAL_COUNT, '$1"INFINITY"'));
}

/** The cluster, in files of a folder. */
export class Scheduler {
  readonly #directory: string;
  /** Online nodes, nothing probed. */
  readonly #fresh: string;
  /** The resource runs on `home`. */
  readonly #settled: string;
  /** The node that the scheduler chooses for the resource when all are well. */
  home = '';
  #files = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#fresh = join(directory, 'fresh.xml');
    this.#settled = join(directory, 'settled.xml');
  }

  static async prepare(directory: string): Promise<Scheduler> {
    const scheduler = new Scheduler(directory);
    await scheduler.#write();
    return scheduler;
  }

  async #write(): Promise<void> {
    const file = this.#fresh;
    writeFileSync(file, await must(['cibadmin', '--empty']));
    for (const [section, xml] of CONFIGURATION) await must(['cibadmin', '--create', '-o', section, '-X', xml], file);
    const online = CLUSTER_NODES.flatMap((name) => ['--node-up', name]);
    await must(['crm_simulate', '-x', file, '--quorum', '1', ...online, '-O', file]);
    const { runsOn, summary } = await this.#settle(file, [], this.#settled);
    if (runsOn === undefined) throw new Error(`crm_simulate: the resource does not start\n${summary}`);
    this.home = runsOn;
  }

  /** The first start returns the code; with `everywhere`, a start on every node returns it. */
  start(code: number, everywhere: boolean): Promise<Outcome> {
    const nodes = everywhere ? CLUSTER_NODES : [this.home];
    return this.#settle(this.#fresh, failures('recovery_start_0', nodes, code));
  }

  async probe(code: number, nodes: readonly string[]): Promise<Outcome> {
    const file = this.#copyOf(this.#fresh);
    // An engine that is found is no failure: its result is written beforehand.
    if (code === 0) await inject(file, 'recovery_monitor_0', nodes, code);
    return this.#settle(file, code === 7 ? [] : failures('recovery_monitor_0', nodes, code));
  }

  async monitor(code: number): Promise<Outcome> {
    const file = this.#copyOf(this.#settled);
    await inject(file, 'recovery_monitor_10000', [this.home], code);
    return this.#settle(file, []);
  }

  /** The resource is stopped by the operator. */
  async stop(code: number): Promise<Outcome> {
    const file = this.#copyOf(this.#settled);
    await must(['cibadmin', '--modify', '-o', 'resources', '-X', STOPPED], file);
    return this.#settle(file, failures('recovery_stop_0', [this.home], code));
  }

  #copyOf(file: string): string {
    this.#files += 1;
    const copy = join(this.#directory, `${this.#files}.xml`);
    copyFileSync(file, copy);
    return copy;
  }

  /** Runs transitions, with these results of operations, until nothing is left to be done. */
  async #settle(from: string, results: readonly string[], to?: string): Promise<Outcome> {
    const file = this.#copyOf(from);
    const failing = results.flatMap((result) => ['--op-fail', result]);
    const texts: string[] = [];
    for (let transition = 0; transition < MAX_TRANSITIONS; transition += 1) {
      const text = await must(['crm_simulate', '-x', file, '--simulate', ...failing, '-O', file]);
      texts.push(text.slice(text.indexOf('Transition Summary:')));
      countAsController(file);
      if (!/^ {2}\* (Resource action|Pseudo action|Fencing)/m.test(text)) {
        if (to !== undefined) copyFileSync(file, to);
        return outcomeOf(texts);
      }
    }
    throw new Error(`crm_simulate: no end after ${MAX_TRANSITIONS} transitions\n${texts.slice(-2).join('\n')}`);
  }
}

function outcomeOf(texts: readonly string[]): Outcome {
  const summary = texts.join('\n');
  const fenced = [...summary.matchAll(/^ {2}\* (?:Fencing|Fence \(\w+\)) (\S+)/gm)].map(([, node = '']) => node);
  const runsOn = /\* recovery\s+\(ocf:openstack:recovery-agent\):.*\bStarted (\S+)/.exec(texts.at(-1) ?? '')?.[1];
  return { fenced: [...new Set(fenced)], runsOn, summary };
}
