/** A libvirtd for tests: speaks libvirt's protocol on a real socket and plays the domains that a test describes. */
import type { Socket } from 'node:net';
import { PROCEDURE, QEMU_PROGRAM } from '#monitors/libvirt/constants.ts';
import { writeDomain } from '#monitors/libvirt/domain-name.ts';
import type { Message } from '#monitors/libvirt/message.ts';
import { XdrReader, XdrWriter } from '#monitors/libvirt/xdr.ts';
import { type Answer, LibvirtPeer, reply } from './libvirt-peer.ts';

export interface PlayedDomain {
  readonly name: string;
  readonly uuid: string;
  id: number;
  xml: string;
  /** virDomainState. */
  state: number;
  /** virDomainControlState and for how long, milliseconds. */
  control: readonly [state: number, forMs: number];
  /** What happens to a ping: an answer, an error of this number, or nothing at all. */
  agent: 'answers' | 'nothing' | { readonly code: number; readonly message: string };
  /** Whether QEMU responds to a probe. */
  qemu: 'answers' | 'nothing';
}

interface Reply {
  readonly status: 0 | 1;
  readonly body: XdrWriter;
}

const IGNORED = undefined;

const ok = (body = new XdrWriter()): Reply => ({ status: 0, body });
const refusal = (code: number, message: string): Reply => ({
  status: 1,
  body: new XdrWriter().int(code).int(10).optionalText(message),
});

export class ScriptedLibvirtd implements AsyncDisposable {
  readonly domains: PlayedDomain[] = [];
  /** Types of authentication that are offered; 0 is none, 2 is polkit. */
  authentication: readonly number[] = [0];
  /** Calls received so far, as `program/procedure`. */
  readonly calls: string[] = [];
  /** Questions to QEMU received so far. */
  probes = 0;
  readonly #peer: LibvirtPeer;

  static async start(): Promise<ScriptedLibvirtd> {
    const take: Answer = (message, socket) => libvirtd.#take(message, socket);
    const libvirtd = new ScriptedLibvirtd(await LibvirtPeer.listen(take));
    return libvirtd;
  }

  private constructor(peer: LibvirtPeer) {
    this.#peer = peer;
  }

  get path(): string {
    return this.#peer.path;
  }

  /** How many are connected now. */
  get connections(): number {
    return this.#peer.connections;
  }

  /** As when libvirtd is restarted: it keeps listening. */
  dropConnections(): void {
    this.#peer.dropConnections();
  }

  /** Sends any bytes to all clients. */
  sendAll(bytes: Buffer): void {
    this.#peer.sendAll(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
  }

  #take(message: Message, socket: Socket): void {
    this.calls.push(`${message.program.toString(16)}/${message.procedure}`);
    const answer = this.#answer(message);
    if (answer !== IGNORED) reply(socket, message, answer.body.bytes(), answer.status);
  }

  #answer({ program, procedure, body }: Message): Reply | undefined {
    if (program === QEMU_PROGRAM) return this.#of(body, pinged);
    switch (procedure) {
      case PROCEDURE.authList:
        return ok(
          this.authentication.reduce((list, type) => list.int(type), new XdrWriter().uint(this.authentication.length)),
        );
      case PROCEDURE.open:
        return ok();
      case PROCEDURE.getAllDomainStats: {
        // No domains named: all of them.
        if (new XdrReader(body).uint() === 0) return this.#listing();
        this.probes += 1;
        return this.#of(body, ({ qemu }) => (qemu === 'answers' ? ok(new XdrWriter().uint(0)) : IGNORED));
      }
      case PROCEDURE.domainGetXmlDesc:
        return this.#of(body, ({ xml }) => ok(new XdrWriter().text(xml)));
      case PROCEDURE.domainGetState:
        return this.#of(body, ({ state }) => ok(new XdrWriter().int(state).int(0)));
      case PROCEDURE.domainGetControlInfo:
        return this.#of(body, ({ control: [state, forMs] }) =>
          ok(new XdrWriter().uint(state).uint(0).uint(0).uint(forMs)),
        );
      default:
        return refusal(3, 'this function is not supported');
    }
  }

  #of(body: Buffer, answer: (domain: PlayedDomain) => Reply | undefined): Reply | undefined {
    const domain = this.domains.find((one) => body.includes(writeDomain(new XdrWriter(), one).bytes()));
    return domain ? answer(domain) : refusal(42, 'Domain not found');
  }

  /** As to a question for `STATS.state`. */
  #listing(): Reply {
    const list = new XdrWriter().uint(this.domains.length);
    for (const domain of this.domains) {
      writeDomain(list, domain).uint(2);
      for (const [name, value] of [
        ['state.state', domain.state],
        ['state.reason', 0],
      ] as const) {
        list.text(name).int(1).int(value);
      }
    }
    return ok(list);
  }
}

function pinged({ agent }: PlayedDomain): Reply | undefined {
  if (agent === 'nothing') return IGNORED;
  return agent === 'answers' ? ok(new XdrWriter().optionalText('{"return":{}}')) : refusal(agent.code, agent.message);
}
