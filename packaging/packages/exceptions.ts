/** Findings of lintian and rpmlint in these packages that are intended, with the reasons. */

export interface Exception {
  readonly tag: string;
  /** Text that the checker prints after the tag; `*` matches anything. */
  readonly context: string;
  readonly reason: string;
}

const RELEASED =
  'The program is the binary that Node.js released, with ours appended; it is not made again or changed.';
const ADDON = 'The program takes no other addon than the one that it was built with, byte for byte.';
const PRIVATE = 'Journal and logs name hosts and instances of all projects: not every user may read them.';
const PASSWORD = 'The configuration may come to hold a password.';

/** These go into the Debian package as overrides. */
export const LINTIAN: readonly Exception[] = [
  { tag: 'embedded-library', context: '* [usr/sbin/recovery-agent]', reason: RELEASED },
  { tag: 'hardening-no-pie', context: '[usr/sbin/recovery-agent]', reason: RELEASED },
  { tag: 'unstripped-binary-or-object', context: '[usr/sbin/recovery-agent]', reason: RELEASED },
  { tag: 'unstripped-binary-or-object', context: '[usr/lib/recovery-agent/*]', reason: ADDON },
  { tag: 'non-standard-dir-perm', context: '0750 != 0755 [var/*/recovery-agent/]', reason: PRIVATE },
  {
    tag: 'maintainer-script-calls-systemctl',
    context: '[*]',
    reason: 'deb-systemd-invoke lists nothing, applies no preset, and does not start disabled units that ran before.',
  },
  { tag: 'non-standard-file-perm', context: '0640 != 0644 [etc/recovery-agent/*]', reason: PASSWORD },
];

export const RPMLINT: readonly Exception[] = [
  ...['%post', '%preun', '%postun'].map((script) => ({
    tag: `dangerous-command-in-${script}`,
    context: 'rm',
    reason: 'It deletes a note of the scripts themselves and links to units that are gone.',
  })),
  { tag: 'unstripped-binary-or-object', context: '/usr/sbin/recovery-agent', reason: RELEASED },
  { tag: 'position-independent-executable-suggested', context: '/usr/sbin/recovery-agent', reason: RELEASED },
  { tag: 'binary-or-shlib-calls-gethostbyname', context: '/usr/sbin/recovery-agent', reason: RELEASED },
  { tag: 'unstripped-binary-or-object', context: '/usr/lib/recovery-agent/*', reason: ADDON },
  { tag: 'non-standard-dir-perm', context: '/var/*/recovery-agent 750', reason: PRIVATE },
  { tag: 'non-readable', context: '/etc/recovery-agent/recovery-agent.conf 640', reason: PASSWORD },
  { tag: 'no-signature', context: '', reason: 'Who publishes the package signs it.' },
  { tag: 'no-group-tag', context: '', reason: 'Distributions no longer use groups.' },
  { tag: 'no-url-tag', context: '', reason: 'There is no home page.' },
  { tag: 'missing-dependency-to-logrotate', context: '*', reason: 'Without logrotate its file has no effect.' },
  { tag: 'invalid-license', context: 'Apache-2.0', reason: 'SPDX names are the rule now; this list is older.' },
  { tag: 'manpage-not-compressed', context: 'bz2 *', reason: 'It is compressed, by gzip.' },
  {
    tag: 'no-manual-page-for-binary',
    context: 'recovery-agent',
    reason: 'There is one; the checker only searches for a .bz2.',
  },
];
