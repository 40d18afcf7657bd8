/** The agent's metadata for the cluster and its shells. */
import { PARAMETERS, type ParameterSpec } from './parameters.ts';

/**
 * Timeouts in seconds. start: the storage may hold the lock of a dead node for this time (NFS lease, `lock_timeout` 90 s), plus
 * time to open the journal. stop: open calls are aborted, so seconds are enough; the rest is for a disk that hangs.
 * monitor: an engine whose journal thread is stuck still responds; only a stuck process does not.
 */
const ACTIONS = [
  '<action name="start" timeout="120s" />',
  '<action name="stop" timeout="60s" />',
  '<action name="monitor" depth="0" timeout="20s" interval="10s" />',
  '<action name="monitor" depth="10" timeout="60s" interval="120s" />',
  '<action name="meta-data" timeout="5s" />',
  '<action name="validate-all" timeout="20s" />',
];

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
}

function describeParameter({ name, type, fallback, short, long, unique, values }: ParameterSpec): string {
  const choices = values ? ` Allowed: ${values.join(', ')}.` : '';
  const content =
    fallback === '' ? '<content type="string" />' : `<content type="string" default="${escapeXml(fallback)}" />`;
  return [
    `<parameter name="${name}" unique="${unique}" required="0">`,
    `<longdesc lang="en">${escapeXml(long)}${type === 'select' ? choices : ''}</longdesc>`,
    `<shortdesc lang="en">${escapeXml(short)}</shortdesc>`,
    content,
    '</parameter>',
  ].join('\n');
}

export function metaData(version: string): string {
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">',
    `<resource-agent name="recovery-agent" version="${version}">`,
    '<version>1.1</version>',
    '<longdesc lang="en">',
    'Recovers failed compute hosts, instances and processes of an OpenStack cloud. Runs one engine in the cluster, which keeps a',
    'journal on shared storage; when its node fails, another node continues exactly where it stopped. Needs STONITH.',
    '</longdesc>',
    '<shortdesc lang="en">Instance high availability for OpenStack</shortdesc>',
    '<parameters>',
    ...PARAMETERS.map(describeParameter),
    '</parameters>',
    '<actions>',
    ...ACTIONS,
    '</actions>',
    '</resource-agent>',
    '',
  ].join('\n');
}
