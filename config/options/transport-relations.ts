/** Relations between the options of section transport: a node that listens for other nodes, or sends requests to one, needs a proof. */

import type { DocumentSection } from '../document/parsed-document.ts';
import { errorAt, type Problem, warningAt } from '../document/problem.ts';
import type { EngineOptions } from './options.ts';

export function checkTransport({ transport }: EngineOptions, section: DocumentSection | undefined): Problem[] {
  const problems: Problem[] = [];
  const report = (name: string, message: string): void => {
    const option = section?.options.get(name);
    if (option !== undefined) problems.push(errorAt(option.value.place(0), `"${name}" ${message}`));
  };
  const warn = (name: string, message: string): void => {
    const option = section?.options.get(name);
    if (option !== undefined) problems.push(warningAt(option.value.place(0), `"${name}" ${message}`));
  };
  const certificates = {
    ca_file: transport.caFile,
    certificate_file: transport.certificateFile,
    certificate_key_file: transport.certificateKeyFile,
  };
  const given = Object.entries(certificates).flatMap(([name, path]) => (path === '' ? [] : [name]));
  const missing = Object.keys(certificates).filter((name) => !given.includes(name));
  const keys = { key_file: transport.keyFile, key_ring_file: transport.keyRingFile };
  const key = Object.entries(keys).find(([, path]) => path !== '')?.[0];
  if (key !== undefined && given.length > 0) {
    report(key, `and "${given[0]}" exclude each other: nodes prove themselves by keys or by certificates`);
  } else if (given.length > 0 && missing.length > 0) {
    const needed = missing.map((name) => `"${name}"`).join(' and ');
    report(given[0] ?? '', `is of no use without ${needed}`);
  }
  const hasCertificates = given.length > 0;
  const canListen = transport.keyRingFile !== '' || hasCertificates;
  if (transport.listen.length > 0 && !canListen) {
    const wanted = '"key_ring_file" (see "recovery-agent key init") or certificates';
    if (transport.keyFile === '')
      report('listen', `needs ${wanted}: a node must prove its identity before it may report failures`);
    else if (transport.sharedKey === 'refuse') warn('listen', `accepts no other node: it needs ${wanted}`);
  }
  if (transport.sharedKey === 'accept') {
    warn(
      'shared_key',
      'lets every node that has the shared key report the death of every host; issue a key to each host',
    );
  }
  const hasProof = transport.keyFile !== '' || hasCertificates;
  if (transport.target === 'engine' && transport.engines.some(({ kind }) => kind === 'tls') && !hasProof) {
    report('engines', 'needs "key_file" (see "recovery-agent key issue") or certificates for engines of other nodes');
  }
  return problems;
}
