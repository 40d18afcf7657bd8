#!/bin/bash
# First process of a node, in new mount, uts, ipc, network and pid namespaces: builds the node's root and becomes its init.
# The root: this machine's /usr, /etc and /var under overlays whose upper layers are the node's disk, and nothing else of
# it; /run, /tmp and /dev/shm are new at each boot.
# File descriptor 3 is the lab: it receives our pid, connects the wire and reports that, and is notified when we are up.
set -euo pipefail
lab=$1 name=$2 role=$3 address=$4
shift 4
disk=$lab/machines/$name root=$disk/root

# /proc is still that of the machine outside, and so is the number.
read -r pid rest </proc/self/stat
echo "$pid" >&3

mkdir -p "$root"
mount -t tmpfs -o mode=755 root "$root"
for part in usr etc var; do
  mkdir -p "$disk/$part/upper" "$disk/$part/work" "$root/$part"
  mount -t overlay "$part" -o "lowerdir=/$part,upperdir=$disk/$part/upper,workdir=$disk/$part/work" "$root/$part"
done
for link in /bin /sbin /lib*; do
  [ ! -L "$link" ] || cp -P "$link" "$root/"
done
mkdir -p "$root"/{proc,sys,dev,run,tmp,root,shared,old,.lab/{power,shared}} "$root/var/log"
chmod 1777 "$root/tmp"
chmod 700 "$root/root"

mount -t proc -o nosuid,noexec,nodev proc "$root/proc"
mount -t sysfs -o ro,nosuid,noexec,nodev sysfs "$root/sys"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root"/dev/{pts,shm}
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${number%:*}" "$root/dev/${number#*:}"; done
mount -t tmpfs -o mode=755 run "$root/run"
mkdir -p "$root"/run/{lock,resource-agents}
install -d -m 770 -o hacluster -g haclient "$root/run/crm"

# The storage has a second way in, so that it can be mounted again after it vanished.
mount --bind "$lab/shared" "$root/.lab/shared"
mount --bind "$lab/shared" "$root/shared"
mount --bind "$lab/power" "$root/.lab/power"
mount --bind "$lab/log/$name" "$root/var/log"
install -d "$root"/var/log/{corosync,cluster}
install -d -m 770 -o hacluster -g haclient "$root/var/log/pacemaker"
install -m 755 "$lab/node/init.sh" "$root/.lab/init.sh"
while [ $# -gt 1 ]; do
  target=$root/${2#/}
  if [ -d "$1" ]; then mkdir -p "$target"; else mkdir -p "${target%/*}" && : >>"$target"; fi
  mount --rbind "$1" "$target"
  mount -o remount,bind,ro "$target"
  shift 2
done

if [ ! -e "$disk/installed" ]; then
  install -m 644 "$lab/node/hosts" "$root/etc/hosts"
  echo "$name" >"$root/etc/hostname"
  install -d "$root/etc/corosync"
  install -m 644 "$lab/node/corosync.conf" "$root/etc/corosync/corosync.conf"
  install -d -m 750 -g haclient "$root/etc/pacemaker"
  install -m 640 -g haclient "$lab/node/authkey" "$root/etc/pacemaker/authkey"
  install -m 755 "$lab/node/fence_lab.py" "$root/usr/sbin/fence_lab"
  install -m 755 "$lab/node/pacemaker-remoted" "$root/usr/sbin/pacemaker-remoted"
  rm -rf "$root"/var/lib/pacemaker/{cib,pengine}/* "$root"/var/lib/corosync/*
  install -m 600 -o hacluster -g haclient "$lab/node/cib.xml" "$root/var/lib/pacemaker/cib/cib.xml"
  : >"$disk/installed"
fi

read -r -t 10 plugged <&3
hostname "$name"
ip link set lo up
ip link set eth0 up
ip addr add "$address/24" dev eth0

cd "$root"
pivot_root . old
cd /
umount -l /old
rmdir /old
echo up >&3
exec 3>&-
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
  bash /.lab/init.sh "$role"
