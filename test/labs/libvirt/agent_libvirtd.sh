#!/bin/sh
# A libvirtd of its own, in a mount namespace of its own: nothing of this machine's libvirt is seen or changed.
# $1: folder for its sockets and its log.
set -e
for folder in /run/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt /etc/libvirt; do
  mkdir -p "$folder"
  mount -t tmpfs -o mode=755 tmpfs "$folder"
done
mkdir /etc/libvirt/qemu
# As root, QEMU reads the guest in a folder that is closed to others.
printf 'stdio_handler = "file"\nuser = "root"\ngroup = "root"\ndynamic_ownership = 0\n' > /etc/libvirt/qemu.conf
printf 'unix_sock_dir = "%s"\nlog_outputs = "3:file:%s/libvirtd.log"\n' "$1" "$1" > "$1/libvirtd.conf"
# The reaper: libvirtd expects an init that collects the QEMUs it leaves behind.
exec tini -s -- /usr/sbin/libvirtd -f "$1/libvirtd.conf" -p "$1/libvirtd.pid"
