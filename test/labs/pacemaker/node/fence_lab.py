#!/usr/bin/python3 -IS
"""STONITH agent of the lab: asks the power switch outside, and believes nothing but its answer."""

import socket
import sys

POWER_SWITCH = "/.lab/power/switch.sock"
# Seconds; Pacemaker has its own, shorter ones.
ANSWER_TIMEOUT = 60

METADATA = """<?xml version="1.0" ?>
<resource-agent name="fence_lab" shortdesc="Power switch of the lab">
  <longdesc>Switches the nodes of the lab on and off.</longdesc>
  <vendor-url>https://clusterlabs.org/</vendor-url>
  <parameters>
    <parameter name="action" unique="0" required="1">
      <getopt mixed="-o, --action=[action]"/>
      <content type="string" default="off"/>
      <shortdesc lang="en">Fencing action</shortdesc>
    </parameter>
    <parameter name="plug" unique="0" required="1">
      <getopt mixed="-n, --plug=[name]"/>
      <content type="string"/>
      <shortdesc lang="en">Name of the node</shortdesc>
    </parameter>
  </parameters>
  <actions>
    <action name="on" automatic="0"/>
    <action name="off"/>
    <action name="reboot"/>
    <action name="status"/>
    <action name="monitor"/>
    <action name="metadata"/>
    <action name="validate-all"/>
  </actions>
</resource-agent>
"""


def options():
    """From the command line (a person) or, as `name=value` lines, from standard input (Pacemaker)."""
    words = sys.argv[1:]
    if not words:
        lines = (line.strip().partition("=") for line in sys.stdin)
        return {name: value for name, _, value in lines}
    names = {"-o": "action", "--action": "action", "-n": "plug", "--plug": "plug"}
    pairs = [word for part in words for word in part.split("=", 1)]
    return {names.get(name, name): value for name, value in zip(pairs[::2], pairs[1::2])}


def ask(action, node):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_TIMEOUT)
        connection.connect(POWER_SWITCH)
        connection.sendall(f"{action} {node} {socket.gethostname()}\n".encode())
        return connection.makefile().readline().strip()


def main():
    given = options()
    action = given.get("action", "off")
    if action == "metadata":
        print(METADATA)
        return 0
    if action in ("monitor", "validate-all"):
        return 0 if ask("monitor", "-") == "ok" else 1
    answer = ask(action, given.get("plug") or given.get("port") or "-")
    if action == "status":
        # fence-agents' convention: 0 on, 2 off.
        return {"on": 0, "off": 2}.get(answer, 1)
    if answer != "ok":
        print(f"The power switch says: {answer}", file=sys.stderr)
    return 0 if answer == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
