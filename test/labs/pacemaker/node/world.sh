#!/bin/sh
# First process of the lab's world, in new mount, network and pid namespaces.
# Prints its pid as the machine outside numbers it, then waits for the end of its standard input: with it everything ends.
set -eu
directory=$1 shared_size=$2 outside_address=$3

mount -t tmpfs -o mode=755 machines "$directory/machines"
[ -z "$shared_size" ] || mount -t tmpfs -o "mode=1777,size=$shared_size" shared "$directory/shared"

ip link set lo up
# An address of its own: otherwise it has the lowest of its ports, which changes as nodes come and go, and the nodes lose it.
ip link add br0 address 02:00:0a:63:00:fe type bridge forward_delay 0
ip addr add "$outside_address/24" dev br0
ip link set br0 up

# /proc is still that of the machine outside, and so is the number.
read -r pid rest </proc/self/stat
echo "$pid"
# Orphans come to the first process of a pid namespace; a process that ignores SIGCHLD need not reap them.
trap '' CHLD
exec cat >/dev/null
