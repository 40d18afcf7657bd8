#!/bin/sh
# A task that alerts the operators of a failure, and returns the number of the alert.
#
#     [alert]
#     driver = executable
#     command = /usr/share/doc/recovery-agent/examples/tasks/alert.sh {{ host_name }} "failed and is being recovered"
#     provides = ticket
#     after_crash = idempotent
#     timeout = 30
#     retries = 2
#     on_failure = continue
#
# A third argument may name the program that sends the alert; it gets the text as its only argument. Default: logger(1).
# The step key in the text is the same in every attempt of one recovery: a repeated alert can be recognized.
set -eu

# "Nothing was done, the task may run again at any time": for an engine that stops before the alert was sent.
NOTHING_DONE=75
trap 'exit $NOTHING_DONE' TERM

if [ $# -lt 2 ]; then
  echo "usage: alert.sh HOST TEXT [PROGRAM]" >&2
  exit $NOTHING_DONE
fi

# The engine writes its input as one JSON object to stdin; the arguments are enough here.
cat > /dev/null

echo '{"progress": 0.5, "message": "Alerting the operators"}'

# From here on the outcome is unknown, so the exit code for "nothing was done" is no longer used.
trap - TERM
"${3:-logger}" "recovery-agent: host $1 $2 ($RECOVERY_AGENT_STEP_KEY)" >&2

# A step key needs no escapes in JSON: it is a UUID, a slash and the name of the task.
printf '{"outputs": {"ticket": "%s"}}\n' "$RECOVERY_AGENT_STEP_KEY"
