#!/usr/bin/python3
"""A task that notes in a file which instances a recovery has moved, so that they are billed for their new host.

    [update_metering]
    driver = executable
    command = /usr/share/doc/recovery-agent/examples/tasks/update_metering.py
    requires = recovered_instances
    provides = metered
    after_crash = check
    undo = true
    user = metering
    file = /var/lib/metering/{{ host_name }}.json

Standard library only. It shows the whole contract: run, check and undo, progress, outputs, and an effect that is there
wholly or not at all.
"""

import json
import os
import sys

DONE, FAILED, NOTHING_DONE = 0, 1, 75


def tell(**report):
    print(json.dumps(report), flush=True)


def noted(path, step_key):
    """What this step has written before, or None."""
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except FileNotFoundError:
        return None
    return record if record.get("step_key") == step_key else None


def run(task, path):
    instances = task["inputs"]["recovered_instances"] or []
    moved = []
    for number, instance in enumerate(instances, 1):
        moved.append({"uuid": instance["uuid"], "host": instance["new_host"]})
        tell(progress=number / (len(instances) + 1), message=f"Metering of {instance['name']}")
    draft = f"{path}.draft"
    try:
        with open(draft, "w", encoding="utf-8") as file:
            json.dump({"step_key": task["step_key"], "instances": moved}, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        print(f"{draft} cannot be written: {error.strerror}", file=sys.stderr)
        return NOTHING_DONE
    os.replace(draft, path)
    tell(outputs={"metered": len(moved)})
    return DONE


def check(task, path):
    """Called when an engine ended while the task ran: was it done?"""
    record = noted(path, task["step_key"])
    if record is None:
        return NOTHING_DONE
    tell(outputs={"metered": len(record["instances"])})
    return DONE


def undo(task, path):
    """Called when the flow rolls back; a repeated undo has no effect."""
    if noted(path, task["step_key"]) is not None:
        os.remove(path)
        tell(message="Metering rolled back", progress=1)
    return DONE


def main():
    task = json.load(sys.stdin)
    if task["version"] != 1:
        print(f"version {task['version']} of the contract is not known here", file=sys.stderr)
        return FAILED
    calls = {"run": run, "check": check, "undo": undo}
    return calls[task["call"]](task, task["parameters"]["file"])


if __name__ == "__main__":
    sys.exit(main())
