#!/bin/sh
# A proof by a storage fence: the SCSI persistent reservation of the host is removed, so that the storage refuses its writes.
#
#     [proof scsi]
#     kind = storage_fence
#     acts = true
#     command = /usr/share/doc/recovery-agent/examples/proofs/scsi_reservation.sh /dev/disk/by-id/ID OUR_KEY /etc/recovery-agent/keys {{host_name}}
#
# All hosts hold a reservation of type "write exclusive, registrants only" (5) on the device, each with a key of its own. The file
# has one line for each host: its name, a blank and its key, as sg_persist prints it. This registers OUR_KEY, removes the key of the host, aborts
# what the host has sent, and then reads that the key is gone. It counts only for instances whose disks are on this device.
set -eu

if [ $# -ne 4 ]; then
  echo "usage: scsi_reservation.sh DEVICE OUR_KEY KEYS_FILE HOST" >&2
  exit 64
fi
cat > /dev/null

answer() {
  printf '{"outputs": {"state": "%s", "detail": "%s"}}\n' "$1" "$2"
  exit 0
}

has_key() {
  printf '%s\n' "$listed" | grep -qiwF -e "$1"
}

key=$(awk -v host="$4" '$1 == host { print $2 }' "$3") || answer unknown "the file of the keys cannot be read"
[ -n "$key" ] || answer unknown "the file of the keys does not name the host"
sg_persist --out --register-ignore --param-sark="$2" "$1" >&2 || answer unknown "our key could not be registered"
listed=$(sg_persist --in --read-keys "$1") || answer unknown "the keys cannot be read"
if has_key "$key"; then
  sg_persist --out --preempt-abort --param-rk="$2" --param-sark="$key" --prout-type=5 "$1" >&2 ||
    answer unknown "the key of the host could not be removed"
  listed=$(sg_persist --in --read-keys "$1") || answer unknown "the keys cannot be read"
fi
has_key "$2" || answer unknown "our own key is missing"
! has_key "$key" || answer alive "the host still has its key"
answer dead "the storage refuses the host"
