/**
 * Whether SQLite's locks and syncs can be trusted on the journal's storage, decided by `/proc/self/mountinfo`. Otherwise two engines may
 * write at once and the epoch protects nothing: such storage is refused by name.
 */
import { closeSync, openSync, readFileSync, realpathSync } from 'node:fs';

/** One line of mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly id: number;
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
  /** Mount options and super options together, e.g. `rw`, `vers=4.2`, `local_lock=none`. */
  readonly options: readonly string[];
}

/** Kinds of storage that are refused unless `[journal] allow_storage` names them. */
export type RefusedStorage = 'nfs3' | 'nolock' | 'cifs' | 'fuse' | 'ocfs2-o2cb' | 'overlay' | 'network-unknown';

export type StorageDecision =
  /** `shared`: other nodes can have it mounted at the same time; `volatile`: it does not survive this node. */
  | { readonly fit: 'yes'; readonly shared: boolean; readonly volatile: boolean; readonly type: string }
  | { readonly fit: 'no'; readonly kind: RefusedStorage; readonly type: string; readonly reason: string };

const LOCAL_TYPES = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'zfs', 'f2fs', 'bcachefs', 'jfs', 'reiserfs']);
const VOLATILE_TYPES = new Set(['tmpfs', 'ramfs']);

/** Octal escapes (`\040` for a blank) as the kernel writes them in mountinfo. */
function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export function parseMountinfo(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line.includes(' - '))
    .map((line) => {
      // Blanks inside fields are escaped, but a source may be called `-`: the first separator is the right one.
      const separator = line.indexOf(' - ');
      const left = line.slice(0, separator);
      const right = line.slice(separator + 3);
      const fields = left.split(' ');
      const [type = '', source = '', superOptions = ''] = right.split(' ');
      return {
        id: Number(fields[0]),
        mountPoint: unescapeField(fields[4] ?? '/'),
        type,
        source: unescapeField(source),
        options: [...(fields[5] ?? '').split(','), ...superOptions.split(',')],
      };
    });
}

/**
 * The mount of a path, as the kernel itself returns it (`mnt_id` of proc_pid_fdinfo(5)): with mounts on top of mounts the names alone are
 * not sufficient. Undefined if the path cannot be opened here.
 */
function mountAt(path: string, mounts: readonly Mount[]): Mount | undefined {
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${handle}`, 'utf8'))?.[1];
    return mounts.find((mount) => mount.id === Number(id));
  } finally {
    closeSync(handle);
  }
}

function decideNfs(mount: Mount): StorageDecision {
  const has = (option: string): boolean => mount.options.includes(option);
  const no = (kind: RefusedStorage, reason: string): StorageDecision => ({ fit: 'no', kind, type: mount.type, reason });
  if (has('nolock') || mount.options.some((option) => /^local_lock=(?!none)/.test(option))) {
    return no('nolock', 'its locks are local to each node (nolock or local_lock), so two engines could write at once');
  }
  const version = mount.options.find((option) => option.startsWith('vers='))?.slice('vers='.length);
  if (version?.startsWith('4') && !/^4\.[1-9]/.test(version)) {
    return no('nfs3', 'NFS 4.0 has no sessions, so a lost lock may not be detected; mount it with vers=4.1 or newer');
  }
  if (!version?.startsWith('4.')) {
    return no('nfs3', 'NFS before 4.1 keeps locks outside the protocol; mount it with vers=4.1 or newer');
  }
  if (has('soft') || has('softerr')) {
    return no('network-unknown', 'a soft mount reports errors for writes that may have happened; mount it hard');
  }
  return { fit: 'yes', shared: true, volatile: false, type: mount.type };
}

/**
 * Checks one mount; pure.
 * @param upper the storage that an overlay writes to, if it is visible from here.
 */
export function decideStorage(mount: Mount, upper?: StorageDecision): StorageDecision {
  const { type } = mount;
  const no = (kind: RefusedStorage, reason: string): StorageDecision => ({ fit: 'no', kind, type, reason });
  if (type === 'nfs' || type === 'nfs4') return decideNfs(mount);
  if (type === 'gfs2') {
    return mount.options.includes('localflocks') || mount.options.includes('lockproto=lock_nolock')
      ? no('nolock', 'localflocks or lock_nolock makes its locks local to each node')
      : { fit: 'yes', shared: true, volatile: false, type };
  }
  if (type === 'ocfs2') {
    return mount.options.includes('localflocks')
      ? no('nolock', 'localflocks makes its locks local to each node')
      : mount.options.includes('cluster_stack=pcmk')
        ? { fit: 'yes', shared: true, volatile: false, type }
        : no('ocfs2-o2cb', 'OCFS2 keeps fcntl locks across nodes only with the pcmk cluster stack');
  }
  if (type === 'cifs' || type === 'smb3') return no('cifs', 'SMB does not give POSIX locks across nodes');
  if (type.startsWith('fuse')) return no('fuse', 'whether a FUSE file system keeps locks and syncs cannot be known');
  if (type === 'overlay') {
    // Linux 6.18 writes `fsync=volatile` where older ones wrote `volatile`.
    if (mount.options.includes('volatile') || mount.options.includes('fsync=volatile')) {
      return no('overlay', 'a volatile overlay does not sync');
    }
    return upper?.fit === 'no' || upper?.shared
      ? no('overlay', `it writes to ${upper.type}, whose locks an overlay does not pass on to other nodes`)
      : { fit: 'yes', shared: false, volatile: upper?.volatile ?? false, type };
  }
  if (VOLATILE_TYPES.has(type)) return { fit: 'yes', shared: false, volatile: true, type };
  if (LOCAL_TYPES.has(type)) return { fit: 'yes', shared: false, volatile: false, type };
  return no('network-unknown', `nothing is known of how ${type} keeps locks and syncs`);
}

/** Whether something is mounted exactly there; links are followed. */
export function isMountPoint(path: string): boolean {
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return false;
  }
  return parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).some(({ mountPoint }) => mountPoint === real);
}

/** Finds the mount of the journal's directory (which must exist) and checks it. */
export function storageOf(directory: string): StorageDecision {
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  const mount = mountAt(directory, mounts);
  if (!mount) return { fit: 'no', kind: 'network-unknown', type: 'unknown', reason: `no mount holds ${directory}` };
  const upperdir = mount.options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length);
  const below = upperdir?.startsWith('/') ? mountAt(unescapeField(upperdir), mounts) : undefined;
  return decideStorage(mount, below && below.id !== mount.id ? decideStorage(below) : undefined);
}
