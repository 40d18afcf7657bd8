/**
 * The calls about domains that the guest monitor makes. Numbers are those of libvirt's remote_protocol.x,
 * qemu_protocol.x, libvirt-domain.h and virterror.h; they never change.
 */
import { type LibvirtConnection, LibvirtRefusal, QEMU_PROGRAM, REMOTE_PROGRAM } from './connection.ts';
import { int, textOf, type XdrReader } from './xdr.ts';

const GET_XML_DESC = 14;
const GET_STATE = 212;
const GET_CONTROL_INFO = 229;
const LIST_ALL_DOMAINS = 273;
const GET_ALL_DOMAIN_STATS = 344;
const QEMU_AGENT_COMMAND = 3;

const LIST_ACTIVE = 1;
const STATS_IOTHREAD = 1 << 7;
/** A domain that another call is busy with is left out instead of being waited for. */
const STATS_NOWAIT = 1 << 29;

/** No answer; answered out of turn (unsynchronised); the time of the command was up. */
const AGENT_SILENT_CODES = [86, 97, 112];
const NO_DOMAIN = 42;

/** A host runs some hundred instances at most; more in one answer is not an answer. */
const MAX_DOMAINS = 16_384;

const ANSWER_MS = 10_000;
/** Besides the timeout asked for, libvirt takes 5 s of its own to synchronise with an agent that failed before (measured). */
const AGENT_EXTRA_MS = 10_000;
/** A probe of a QEMU that hangs stays unanswered as long as it hangs. */
const PROBE_MS = 600_000;

export interface Domain {
  readonly name: string;
  readonly uuid: string;
  /** Another one each time the domain is started. */
  readonly id: number;
}

export type DomainState = 'running' | 'halted' | 'other';

/** How QEMU's monitor stands to libvirt: `occupied` with one command for so long; `error`: libvirt has lost it. */
export interface Control {
  readonly state: 'ok' | 'job' | 'occupied' | 'error';
  readonly forMs: number;
}

function domainWords({ name, uuid, id }: Domain): Buffer {
  return Buffer.concat([textOf(name), Buffer.from(uuid.replaceAll('-', ''), 'hex'), int(id)]);
}

function readDomain(answer: XdrReader): Domain {
  const name = answer.text();
  const hex = answer.fixed(16).toString('hex');
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { name, uuid, id: answer.int() };
}

export async function activeDomains(on: LibvirtConnection, signal?: AbortSignal): Promise<readonly Domain[]> {
  const answer = await on.call(REMOTE_PROGRAM, LIST_ALL_DOMAINS, [int(1), int(LIST_ACTIVE)], ANSWER_MS, signal);
  const count = answer.uint();
  if (count > MAX_DOMAINS) throw new Error(`libvirt listed ${count} domains`);
  return Array.from({ length: count }, () => readDomain(answer));
}

/** The live description. */
export async function domainXml(on: LibvirtConnection, domain: Domain, signal?: AbortSignal): Promise<string> {
  return (await on.call(REMOTE_PROGRAM, GET_XML_DESC, [domainWords(domain), int(0)], ANSWER_MS, signal)).text();
}

export async function domainState(on: LibvirtConnection, domain: Domain, signal?: AbortSignal): Promise<DomainState> {
  const answer = await on.call(REMOTE_PROGRAM, GET_STATE, [domainWords(domain), int(0)], ANSWER_MS, signal);
  // virDomainState: 1 running, 2 blocked (Xen), 3 paused, 4 being shut down, 5 off, 6 crashed, 7 suspended by the guest.
  const state = answer.int();
  if (state === 1 || state === 2) return 'running';
  return state === 3 || state === 7 ? 'halted' : 'other';
}

export async function domainControl(on: LibvirtConnection, domain: Domain, signal?: AbortSignal): Promise<Control> {
  const answer = await on.call(REMOTE_PROGRAM, GET_CONTROL_INFO, [domainWords(domain), int(0)], ANSWER_MS, signal);
  const state = (['ok', 'job', 'occupied'] as const)[answer.uint()] ?? 'error';
  answer.uint();
  return { state, forMs: answer.hyper() };
}

export type PingAnswer = 'answered' | 'silent' | { readonly unknown: string };

/** `guest-ping`. libvirt holds the only connection to the agent, so it has to ask; it synchronises with it first. */
export async function pingAgent(
  on: LibvirtConnection,
  domain: Domain,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<PingAnswer> {
  const command = textOf('{"execute":"guest-ping"}');
  const words = [domainWords(domain), command, int(Math.ceil(timeoutMs / 1000)), int(0)];
  try {
    await on.call(QEMU_PROGRAM, QEMU_AGENT_COMMAND, words, timeoutMs + AGENT_EXTRA_MS, signal);
    return 'answered';
  } catch (error) {
    if (!(error instanceof LibvirtRefusal)) throw error;
    return AGENT_SILENT_CODES.includes(error.code) ? 'silent' : { unknown: error.message };
  }
}

/**
 * Asks QEMU something that only QEMU can answer and that costs it nothing: its I/O threads. Resolves when it has answered,
 * or at once when another call is busy with it. libvirt itself sets no limit to this.
 */
export async function probeQemu(on: LibvirtConnection, domain: Domain): Promise<void> {
  const words = [int(1), domainWords(domain), int(STATS_IOTHREAD), int(STATS_NOWAIT)];
  await on.call(REMOTE_PROGRAM, GET_ALL_DOMAIN_STATS, words, PROBE_MS);
}

/** The domain ended between two calls. */
export function isGone(error: unknown): boolean {
  return error instanceof LibvirtRefusal && error.code === NO_DOMAIN;
}
