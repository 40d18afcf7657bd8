/** The RPM package, made by rpmbuild. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wrap } from './changes.ts';
import { type Entry, NAME, type PackageDescription } from './description.ts';
import { run } from './run.ts';
import { writeTree } from './tree.ts';

const RELEASE = '1';

export function rpmFileName({ version }: PackageDescription): string {
  return `${NAME}-${version}-${RELEASE}.x86_64.rpm`;
}

/**
 * What is packaged is finished: nothing of it is stripped, compressed or searched for dependencies, and nothing identifies the
 * builder. zstd: rpm reads it wherever glibc is new enough for us.
 */
const MACROS = `%global __os_install_post %{nil}
%global debug_package %{nil}
%global _build_id_links none
%global _binary_payload w10.zstdio
%global _buildhost localhost
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
`;

/** `Mon Jan 02 2006` */
function rpmDate(date: number): string {
  const [day, number, month, year] = new Date(date * 1000).toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${number} ${year}`;
}

/** A percent sign begins a macro. */
function plain(text: string): string {
  return text.replaceAll('%', '%%');
}

function fileLine(entry: Entry): string {
  if (entry.is === 'link') return entry.path;
  const kind = { file: '', config: '%config(noreplace) ', licence: '%license ', directory: '%dir ' }[entry.is];
  return `%attr(${entry.mode.toString(8).padStart(4, '0')},root,root) ${kind}${entry.path}`;
}

function spec(description: PackageDescription, tree: string): string {
  const { version, maintainer, date, changes, scripts } = description;
  return `${MACROS}
Name: ${NAME}
Version: ${version}
Release: ${RELEASE}
Summary: ${description.summary}
License: ${description.licence}
Packager: ${maintainer}
AutoReqProv: no
Requires: ${description.needs.rpm.join(', ')}
Requires(post): coreutils, grep
Requires(preun): coreutils, grep, sed
Requires(postun): coreutils, grep
Recommends: ${description.recommends}

%description
${plain(description.description.join('\n'))}

%install
mkdir -p %{buildroot}
cp -a ${tree}/. %{buildroot}/

%post
set -e
first=
[ "$1" != 1 ] || first=yes
${plain(scripts.functions + scripts.afterInstall)}
[ -z "$failed" ]

%preun
set -e
if [ "$1" = 0 ]; then
${plain(scripts.functions + scripts.beforeRemoval)}
fi

%postun
set -e
if [ "$1" = 0 ]; then
${plain(scripts.functions + scripts.afterRemoval)}
fi

%files
%defattr(-,root,root,-)
${description.entries.map(fileLine).join('\n')}

%changelog
* ${rpmDate(date)} ${maintainer} - ${version}-${RELEASE}
${changes.map((change) => `- ${plain(wrap(change, 76, '  '))}`).join('\n')}
`;
}

/** Makes the package in `folder` and returns its path. */
export function makeRpm(description: PackageDescription, folder: string): string {
  const scratch = mkdtempSync(join(tmpdir(), `${NAME}-rpm-`));
  try {
    const tree = join(scratch, 'tree');
    writeTree(tree, description.entries, description.date);
    const specFile = join(scratch, `${NAME}.spec`);
    writeFileSync(specFile, spec(description, tree));
    const macros = {
      _topdir: join(scratch, 'build'),
      _tmppath: scratch,
      _dbpath: join(scratch, 'database'),
      _rpmdir: folder,
      _rpmfilename: rpmFileName(description),
    };
    const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
    run('rpmbuild', ['-bb', '--target', 'x86_64-linux', ...defines, specFile], { scratch, date: description.date });
    return join(folder, rpmFileName(description));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
