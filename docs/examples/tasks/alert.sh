#!/bin/sh
# A task that tells the operators about a failure, and gives back under which number.
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
# A third argument may name the program that tells them; it gets the text as its only argument. Without one it is logger(1).
# The step key in the text is the same in every attempt of one recovery: whoever is told twice knows that it is one alert.
set -eu

# "Nothing was done, begin again at any time": for an engine that stops before anybody was told.
NOTHING_DONE=75
trap 'exit $NOTHING_DONE' TERM

if [ $# -lt 2 ]; then
  echo "usage: alert.sh HOST TEXT [PROGRAM]" >&2
  exit $NOTHING_DONE
fi

# What the engine has to say stands on stdin as one JSON object; the arguments are enough here.
cat > /dev/null

echo '{"progress": 0.5, "message": "Telling the operators"}'

# From here on it may have been done, so it is not called undone any more.
trap - TERM
"${3:-logger}" "recovery-agent: host $1 $2 ($RECOVERY_AGENT_STEP_KEY)" >&2

# A step key needs no escapes in JSON: it is a UUID, a slash and the name of the task.
printf '{"outputs": {"ticket": "%s"}}\n' "$RECOVERY_AGENT_STEP_KEY"
