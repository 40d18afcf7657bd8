import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { Place } from '#test/journal/place.ts';
import { ownMounts, UNSHARE } from '#test/journal/requirements.ts';
import { decideStorage, type Mount, parseMountinfo, type RefusedStorage, storageOf } from './storage.ts';

function mount(type: string, ...options: string[]): Mount {
  return { id: 1, mountPoint: '/mnt', type, source: 'source', options: ['rw', ...options] };
}

describe('mountinfo', () => {
  test('is parsed with optional fields, escapes, and a source called "-"', () => {
    const text = [
      String.raw`36 35 98:0 /mnt1 /mnt/with\040blank\134\011 rw,noatime shared:2 master:1 - ext3 /dev/ro\040ot rw,errors=continue`,
      '40 36 0:49 / /srv/ha rw,relatime - nfs4 filer:/ha rw,vers=4.2,hard,local_lock=none',
      '41 40 0:50 / /srv/tmp rw - tmpfs - rw,size=64k',
      '',
    ].join('\n');
    expect(parseMountinfo(text)).toEqual([
      {
        id: 36,
        mountPoint: '/mnt/with blank\\\t',
        type: 'ext3',
        source: '/dev/ro ot',
        options: ['rw', 'noatime', 'rw', 'errors=continue'],
      },
      {
        id: 40,
        mountPoint: '/srv/ha',
        type: 'nfs4',
        source: 'filer:/ha',
        options: ['rw', 'relatime', 'rw', 'vers=4.2', 'hard', 'local_lock=none'],
      },
      { id: 41, mountPoint: '/srv/tmp', type: 'tmpfs', source: '-', options: ['rw', 'rw', 'size=64k'] },
    ]);
  });

  const requirement = ownMounts('storage.test.ts, real mounts');
  test.skipIf(requirement.isMissing)(`shows the real mount of a directory${requirement.note}`, () => {
    using place = new Place();
    const [command = '', ...flags] = UNSHARE;
    const script = `
      set -e; cd "$1"; mkdir a stacked bound
      mount -t tmpfs lower stacked; mount -t tmpfs upper stacked
      mkdir stacked/deep; mount -t ramfs deep stacked/deep; mkdir stacked/deep/hidden
      mount --bind stacked/deep bound
      # Mounted over the parent of an older, deeper mount: what the names suggest is no longer there.
      mkdir -p a/b; mount -t ramfs old a/b; mount -t tmpfs new a; mkdir a/b
      exec "$2" --input-type=module -e '
        import { storageOf } from "#engine/journal/storage.ts";
        console.log(JSON.stringify(["stacked", "stacked/deep/hidden", "bound", "a/b"].map((name) => storageOf(process.argv[1] + "/" + name).type)))
      ' "$1"`;
    const run = script.replace('exec "$2"', 'cd "$3"; exec "$2"');
    const args = [...flags, 'sh', '-c', run, 'sh', place.directory, process.execPath, process.cwd()];
    expect(JSON.parse(execFileSync(command, args, { encoding: 'utf8' }))).toEqual(['tmpfs', 'ramfs', 'ramfs', 'tmpfs']);
  });
});

describe('the check of a mount', () => {
  test.each<[Mount, { shared: boolean; volatile?: boolean }]>([
    [mount('nfs4', 'vers=4.1', 'hard', 'local_lock=none'), { shared: true }],
    [mount('nfs4', 'vers=4.2', 'hard', 'local_lock=none'), { shared: true }],
    [mount('nfs', 'vers=4.2', 'hard'), { shared: true }],
    [mount('gfs2'), { shared: true }],
    [mount('ocfs2', 'cluster_stack=pcmk'), { shared: true }],
    [mount('ext4'), { shared: false }],
    [mount('xfs'), { shared: false }],
    [mount('btrfs'), { shared: false }],
    [mount('overlay', 'lowerdir=/l', 'upperdir=/u', 'workdir=/w'), { shared: false }],
    [mount('tmpfs'), { shared: false, volatile: true }],
    [mount('ramfs'), { shared: false, volatile: true }],
  ])('accepts %j', (at, { shared, volatile = false }) => {
    expect(decideStorage(at)).toEqual({ fit: 'yes', shared, volatile, type: at.type });
  });

  test.each<[Mount, RefusedStorage, RegExp]>([
    [mount('nfs', 'vers=3', 'hard', 'local_lock=none'), 'nfs3', /vers=4\.1 or newer/],
    [mount('nfs', 'vers=2'), 'nfs3', /vers=4\.1 or newer/],
    [mount('nfs'), 'nfs3', /vers=4\.1 or newer/],
    [mount('nfs4', 'vers=4.0', 'hard'), 'nfs3', /no sessions/],
    [mount('nfs4', 'vers=4', 'hard'), 'nfs3', /no sessions/],
    [mount('nfs', 'vers=3', 'nolock'), 'nolock', /local to each node/],
    [mount('nfs4', 'vers=4.2', 'local_lock=all'), 'nolock', /local to each node/],
    [mount('nfs4', 'vers=4.2', 'local_lock=posix'), 'nolock', /local to each node/],
    [mount('nfs4', 'vers=4.2', 'soft', 'local_lock=none'), 'network-unknown', /mount it hard/],
    [mount('nfs4', 'vers=4.2', 'softerr'), 'network-unknown', /mount it hard/],
    [mount('gfs2', 'localflocks'), 'nolock', /local to each node/],
    [mount('gfs2', 'lockproto=lock_nolock'), 'nolock', /local to each node/],
    [mount('ocfs2'), 'ocfs2-o2cb', /pcmk/],
    [mount('ocfs2', 'cluster_stack=o2cb'), 'ocfs2-o2cb', /pcmk/],
    [mount('ocfs2', 'cluster_stack=pcmk', 'localflocks', ''), 'nolock', /local to each node/],
    [mount('cifs'), 'cifs', /POSIX locks/],
    [mount('smb3'), 'cifs', /POSIX locks/],
    [mount('fuse'), 'fuse', /FUSE/],
    [mount('fuse.glusterfs'), 'fuse', /FUSE/],
    [mount('fuseblk'), 'fuse', /FUSE/],
    [mount('overlay', 'upperdir=/u', 'volatile'), 'overlay', /does not sync/],
    [mount('overlay', 'upperdir=/u', 'fsync=volatile'), 'overlay', /does not sync/],
    [mount('9p'), 'network-unknown', /nothing is known of how 9p/],
    [mount('ceph'), 'network-unknown', /nothing is known of how ceph/],
  ])('refuses %j as %s', (at, kind, reason) => {
    expect(decideStorage(at)).toEqual({ fit: 'no', kind, type: at.type, reason: expect.stringMatching(reason) });
  });

  test('refuses an overlay whose upper layer is on a network, fit or not', () => {
    const overlay = mount('overlay', 'upperdir=/u');
    for (const upper of [mount('nfs4', 'vers=4.2', 'hard'), mount('cifs')]) {
      expect(decideStorage(overlay, decideStorage(upper))).toMatchObject({ fit: 'no', kind: 'overlay' });
    }
    expect(decideStorage(overlay, decideStorage(mount('ext4')))).toMatchObject({ fit: 'yes', volatile: false });
    expect(decideStorage(overlay, decideStorage(mount('tmpfs')))).toMatchObject({ fit: 'yes', volatile: true });
  });

  test('over a directory that cannot be opened is a refusal, not a guess', () => {
    expect(storageOf('/nowhere/at/all')).toMatchObject({ fit: 'no', reason: 'no mount holds /nowhere/at/all' });
  });
});

describe('refused storage', () => {
  const volatileOverlay = (place: Place, name: string): string => {
    const [command = '', ...flags] = UNSHARE;
    const script = `
      set -e; mkdir "$1/disk"; mount -t tmpfs none "$1/disk"; cd "$1/disk"; mkdir l u w m
      mount -t overlay none -o lowerdir=l,upperdir=u,workdir=w,volatile m
      cd "$3"; exec "$2" --input-type=module -e '
        import { openForWriting } from "#engine/journal/open.ts";
        const [path, name] = process.argv.slice(1);
        try {
          const { db, shared, warnings } = openForWriting({ path, lockTimeoutMs: 0, allowStorage: [name] });
          db.close();
          console.log(JSON.stringify({ shared, warnings }));
        } catch (error) {
          console.log(JSON.stringify({ kind: error.kind, message: error.message }));
        }' "$1/disk/m/journal.db" "$4"`;
    const args = [...flags, 'sh', '-c', script, 'sh', place.directory, process.execPath, process.cwd(), name];
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  };
  const requirement = ownMounts('storage.test.ts, a volatile overlay');

  test.skipIf(requirement.isMissing)(`is refused with the option that allows it${requirement.note}`, () => {
    using place = new Place();
    const { kind, message } = JSON.parse(volatileOverlay(place, 'cifs'));
    expect(kind).toBe('refused');
    expect(message).toContain('is on overlay: a volatile overlay does not sync');
    expect(message).toContain('[journal] allow_storage = overlay');
  });

  test.skipIf(requirement.isMissing)(`is used when it is allowed by name, with a warning${requirement.note}`, () => {
    using place = new Place();
    const { shared, warnings } = JSON.parse(volatileOverlay(place, 'overlay'));
    expect(shared).toBe(true);
    expect(warnings).toEqual([expect.stringContaining('allowed by allow_storage = overlay')]);
  });
});
