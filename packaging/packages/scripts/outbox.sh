# The folders in which reports wait for an engine. No script deletes a report that was not delivered.
outbox=/var/lib/recovery-agent/outbox

# Outboxes that the configuration names, one a line, without the default one: the option "outbox" of the sections [monitors],
# without its comment and quotes. sed keeps the last header in its hold space. Fails when a file cannot be read.
outboxes_elsewhere() {
  for file in "$root"/etc/recovery-agent/*.conf; do
    [ -f "$file" ] || continue
    sed -n -e '/^\[/h' -e '/^outbox[[:space:]]*[=:]/!d' \
      -e 'x' -e '/^\[[[:space:]]*monitors[[:space:]]*\]/!{' -e 'x' -e 'd' -e '}' -e 'x' \
      -e 's/^outbox[[:space:]]*[=:][[:space:]]*//' \
      -e 's/[[:space:]]*[#;].*//' -e 's/[[:space:]]*$//' -e 's/^"\(.*\)"$/\1/' -e 's,/*$,,' \
      -e "\\,^$outbox\$,d" -e '/^\//p' "$file" || return 1
  done
}

# undelivered FOLDER: number of files that wait in it or were set aside. The file of the sending process does not count.
undelivered() {
  count=0
  for file in "$root$1"/* "$root$1"/set-aside/*; do
    case $file in */sender.*) continue ;; esac
    if [ -f "$file" ] || [ -L "$file" ]; then count=$((count + 1)); fi
  done
  echo "$count"
}
