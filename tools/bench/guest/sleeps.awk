# SPDX-License-Identifier: GPL-2.0
#
# Of a trace with ramster_store_begin, ramster_store and sched_switch: how many
# stores there were, and how often a task slept, or lost the CPU, inside of one.
# Fails when events were lost, or when there was no store.


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
		print "sleeps.awk: " lost + 0 " events lost, " stores + 0 " stores seen"
		exit 1
	}
}