#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# trace.sh COMMAND...: runs it, and says how often the store was asked to take a
# page meanwhile, and how often who asked slept before the store had answered.
# Being made to wait for the CPU is not sleeping.

. /tests/lib.sh

T=/sys/kernel/tracing
EVENTS="ramster/ramster_store_begin ramster/ramster_store sched/sched_switch"

[ -e $T/trace ] || mount -t tracefs none $T || fail "no tracefs"
# a driver without these events
[ -d $T/events/ramster/ramster_store_begin ] || exec "$@"

echo 0 >$T/tracing_on
echo 8192 >$T/buffer_size_kb
: >$T/trace
for event in $EVENTS; do
	echo 1 >$T/events/"$event"/enable
done
echo 1 >$T/tracing_on
status=0
"$@" || status=$?
echo 0 >$T/tracing_on
for event in $EVENTS; do
	echo 0 >$T/events/"$event"/enable
done

awk '
# TASK-PID [CPU] FLAGS TIME: EVENT: ...
/^# entries-in-buffer/ {
	split($3, entries, "/")
	if (entries[1] != entries[2])
		lost = entries[2] - entries[1]
}
/^#/ { next }
{
	pid = $0
	sub(/ *\[[0-9]+\] .*/, "", pid)
	sub(/.*-/, "", pid)
}
/: ramster_store_begin: /	{ inside[pid] = 1; next }
/: ramster_store: /		{ if (inside[pid]) stores++; inside[pid] = 0; next }
/: sched_switch: / && inside[pid] {
	if ($0 ~ / prev_state=R/)
		preempted++
	else
		waits++
}
END {
	print "metric store count " stores + 0 " n"
	print "metric store waits " waits + 0 " n"
	print "metric store preempted " preempted + 0 " n"
	if (lost || !stores) {
		print "trace.sh: " lost + 0 " events lost, " stores + 0 " stores seen"
		exit 1
	}
}' $T/trace || status=1
: >$T/trace
echo 8 >$T/buffer_size_kb
exit $status
