#!/usr/bin/python3
# A proof by a storage fence: Ceph refuses every client of the host, so that its instances cannot write to their RBD images any more.
#
#     [proof rbd]
#     kind = storage_fence
#     acts = true
#     command = /usr/share/doc/recovery-agent/examples/proofs/rbd_blocklist.py 86400
#     address = {{host_name}}
#
# "address" is the host's address in Ceph's public network, or a name that resolves to it. The argument is the time in seconds after which
# Ceph accepts the host again; let an operator end the entry ("ceph osd blocklist range rm") when the host is in order. It counts only if all
# instances of the host have their disks in this Ceph cluster. It needs a keyring with "profile rbd" and blocklist rights.
#
# A second argument may name the program that is used instead of "ceph". Adding an entry again extends it.
import ipaddress
import json
import re
import socket
import subprocess
import sys


def answer(state, detail):
    print(json.dumps({"outputs": {"state": state, "detail": detail}}))
    sys.exit(0)


def main():
    if len(sys.argv) not in (2, 3) or not sys.argv[1].isdigit():
        sys.exit("usage: rbd_blocklist.py SECONDS [CEPH]")
    ceph = sys.argv[2] if len(sys.argv) == 3 else "ceph"
    name = str(json.load(sys.stdin)["parameters"]["address"])
    try:
        address = ipaddress.ip_address(socket.getaddrinfo(name, None)[0][4][0])
    except OSError as error:
        answer("unknown", f"the address of {name} is not known: {error}")
    entry = f"{address}/{address.max_prefixlen}"
    added = subprocess.run(
        [ceph, "osd", "blocklist", "range", "add", entry, sys.argv[1]], capture_output=True, text=True, check=False
    )
    if added.returncode != 0:
        print(added.stderr, file=sys.stderr)
        answer("unknown", f"Ceph did not add {entry} to its blocklist (exit code {added.returncode})")
    listed = subprocess.run([ceph, "osd", "blocklist", "ls", "--format", "json"], capture_output=True, text=True, check=False)
    # As a whole: 192.0.2.7 is no part of 192.0.2.70.
    whole = rf"(?<![0-9a-fA-F.:]){re.escape(str(address))}(?![0-9a-fA-F.])"
    if listed.returncode != 0 or re.search(whole, listed.stdout) is None:
        answer("unknown", f"Ceph does not list {entry}")
    answer("dead", f"Ceph refuses {entry} for {sys.argv[1]} s")


main()
