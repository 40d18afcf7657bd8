#!/usr/bin/python3
# A proof of death by any fence agent of ClusterLabs: it switches the host off and then reads that it is off.
#
#     [proof ipmi]
#     kind = power_off
#     acts = true
#     command = /usr/share/doc/recovery-agent/examples/proofs/fence_agent.py /usr/sbin/fence_ipmilan {{host_name}}
#     timeout = 120
#     ip = {{host_name}}-bmc.example.org
#     username = recovery
#     password = file:/etc/recovery-agent/bmc.secret
#     lanplus = 1
#
# Every parameter of the section is passed to the fence agent on its standard input, so that no secret is among the processes. With
# "status_only = 1" nothing is switched: a host that is on is then "alive". Leave "acts" out in that case.
#
# "off" twice is "off": the program can be run again at any time.
import json
import subprocess
import sys

OWN = {"status_only"}


def answer(state, detail):
    print(json.dumps({"outputs": {"state": state, "detail": detail}}))
    sys.exit(0)


def run(agent, parameters, action):
    lines = [f"{name}={value}" for name, value in parameters.items() if name not in OWN]
    text = "\n".join([*lines, f"action={action}", ""])
    done = subprocess.run([agent], input=text, capture_output=True, text=True, check=False)
    for line in done.stderr.splitlines():
        print(line, file=sys.stderr)
    return done.returncode


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: fence_agent.py AGENT HOST")
    agent, host = sys.argv[1:]
    parameters = json.load(sys.stdin)["parameters"]
    if str(parameters.get("status_only", "0")) != "1":
        code = run(agent, parameters, "off")
        if code != 0:
            answer("unknown", f"{agent} could not switch {host} off (exit code {code})")
    # The API of fence agents: 0 means on, 2 means off, anything else is a fault.
    code = run(agent, parameters, "status")
    if code == 2:
        answer("dead", f"{agent} reads that {host} is off")
    if code == 0:
        answer("alive", f"{agent} reads that {host} is on")
    answer("unknown", f"{agent} could not read the power of {host} (exit code {code})")


main()
