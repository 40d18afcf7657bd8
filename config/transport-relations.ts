/** What must hold between the options of section transport: who listens for other nodes, or asks one, needs a proof. */

import type { DocumentSection } from './document.ts';
import type { EngineOptions } from './options.ts';
import { errorAt, type Problem } from './problem.ts';

export function checkTransport({ transport }: EngineOptions, section: DocumentSection | undefined): Problem[] {
  const problems: Problem[] = [];
  const say = (name: string, message: string): void => {
    const option = section?.options.get(name);
    if (option !== undefined) problems.push(errorAt(option.value.place(0), `"${name}" ${message}`));
  };
  const certificates = {
    ca_file: transport.caFile,
    certificate_file: transport.certificateFile,
    certificate_key_file: transport.certificateKeyFile,
  };
  const given = Object.entries(certificates).flatMap(([name, path]) => (path === '' ? [] : [name]));
  const missing = Object.keys(certificates).filter((name) => !given.includes(name));
  if (transport.keyFile !== '' && given.length > 0) {
    say('key_file', `and "${given[0]}" exclude each other: nodes prove themselves by one key or by certificates`);
  } else if (given.length > 0 && missing.length > 0) {
    const needed = missing.map((name) => `"${name}"`).join(' and ');
    say(given[0] ?? '', `is of no use without ${needed}`);
  }
  if (transport.keyFile !== '' || given.length > 0) return problems;
  const proof = '"key_file" (see "recovery-agent keygen") or certificates';
  if (transport.listen.length > 0)
    say('listen', `needs ${proof}: nobody may report failures without proving who it is`);
  if (transport.target === 'engine' && transport.engines.some(({ kind }) => kind === 'tls')) {
    say('engines', `needs ${proof} for engines of other nodes`);
  }
  return problems;
}
