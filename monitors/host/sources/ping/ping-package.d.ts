/** The parts of the npm package `ping` that are used; it has types for its front only. */
interface PingSettings {
  readonly timeout: number;
  readonly deadline: number;
  readonly min_reply: number;
}

declare module 'ping/lib/builder/linux.js' {
  const builder: { getCommandArguments(target: string, settings: PingSettings): string[] };
  export default builder;
}

declare module 'ping/lib/parser/factory.js' {
  interface Parser {
    eat(line: string): unknown;
    getResult(): { readonly alive: boolean; readonly packetLoss: unknown };
  }
  const factory: { createParser(target: string, platform: 'linux', settings: PingSettings): Parser };
  export default factory;
}
