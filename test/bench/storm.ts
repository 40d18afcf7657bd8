/**
 * What a storm costs: of 1,000 hosts with 20,000 instances, 600 fail together; the engine dies in the middle, and the next one takes over.
 * First with the defaults of the gates, which hold most recoveries, then with the gates raised, so that all are recovered. CPU and memory
 * include the simulated cloud and the journal in this process.
 *
 * Usage: node test/bench/storm.ts [HOSTS]
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { cloudOf } from '#agents/scenario/cloud-file.ts';
import { eventsOf } from '#agents/scenario/events-file.ts';
import { runScenario } from '#agents/scenario/run.ts';
import { loadConfiguration } from '#config/load.ts';

const INSTANCES_OF_HOST = 20;
const MEGABYTE = 1024;

function stormOf(hosts: number) {
  const failing = Math.round(hosts * 0.6);
  const down = `failing-[1-${failing}]`;
  const up = `remaining-[1-${hosts - failing}]`;
  const part = (content: unknown) => ({ file: 'storm', path: '', content });
  const cloud = cloudOf(
    part({
      hosts: { [down]: { capacity: INSTANCES_OF_HOST }, [up]: null },
      instances: {
        [`vm-[1-${failing * INSTANCES_OF_HOST}]`]: { host: down },
        [`other-[1-${(hosts - failing) * INSTANCES_OF_HOST}]`]: { host: up },
      },
    }),
  );
  const report = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL', proof: 'fencing' };
  const events = eventsOf(
    part([
      { at: 10, power_off: down },
      { at: 40, report: { hostname: down, ...report } },
      { when: 'evacuate vm', occurrence: 200, engine: 'killed' },
      { when: 'process ends', after: 20, engine: 'starts on node-2' },
    ]),
    cloud,
  );
  return { cloud, events };
}

async function measure(name: string, hosts: number, text: string): Promise<void> {
  const configuration = loadConfiguration({
    mainFile: 'storm.conf',
    readFile: (path) => (path === 'storm.conf' ? { bytes: Buffer.from(text), mode: 0o600 } : undefined),
  });
  const delay = monitorEventLoopDelay({ resolution: 10 });
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  delay.enable();
  let lastAt = 0;
  const onLine = ({ at }: { readonly at: number }): void => {
    lastAt = at;
  };
  const { summary } = await runScenario(stormOf(hosts), { configuration, onLine });
  delay.disable();
  const { user, system } = process.cpuUsage(cpu);
  const ms = (nanoseconds: number): string => `${(nanoseconds / 1e6).toFixed(0)} ms`;
  process.stdout.write(
    `${name}: ${summary.recovered} instances recovered, ${summary.held.length} recoveries held, ${summary.failed.length} failed, ` +
      `${summary.duplicates} evacuated twice, in ${lastAt.toFixed(0)} simulated s\n` +
      `  CPU ${((user + system) / 1e6).toFixed(1)} s, wall ${((performance.now() - started) / 1000).toFixed(1)} s, ` +
      `peak memory of the process ${(process.resourceUsage().maxRSS / MEGABYTE).toFixed(0)} MiB, ` +
      `event-loop delay median ${ms(delay.percentile(50))}, 99 % ${ms(delay.percentile(99))}, longest ${ms(delay.max)}\n`,
  );
}

const hosts = Number(process.argv[2] ?? 1000);
await measure('gates with their defaults', hosts, '[engine]\nlog_level = warning\n');
await measure('gates raised', hosts, '[engine]\nlog_level = warning\n[gates]\nmax_failed_hosts_percent = 100\n');
