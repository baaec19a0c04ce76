#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# That sleeps.awk sees who sleeps in a store, and does not take for that who sleeps
# elsewhere or only lost the CPU.  With busybox, as in a guest.
set -u
cd "$(dirname "$0")/../.." || exit 1
status=0

# line TASK-PID EVENT TEXT
line() {
	printf '%16s     [000] d..2.    12.345678: %s: %s\n' "$@"
}

head_of() {
	printf '# tracer: nop\n#\n# entries-in-buffer/entries-written: %s   #P:1\n#\n' "$1"
}

begin() { line "$1" ramster_store_begin "pool=0 oid=1 index=2"; }
store() { line "$1" ramster_store "pool=0 oid=1 index=2 len=1900 result=0"; }
# off TASK-PID STATE: it leaves the CPU
off() {
	line "$1" sched_switch "prev_comm=${1%-*} prev_pid=${1##*-} prev_prio=120 prev_state=$2 ==> next_comm=x next_pid=9 next_prio=120"
}

# expect STATUS STORES WAITS PREEMPTED: of the trace on standard input
expect() {
	local got=0 out

	out=$(busybox awk -f tools/bench/guest/sleeps.awk) || got=$?
	[ "$got $(echo "$out" | awk '/^metric/ { printf "%s ", $4 }')" = "$1 $2 $3 $4 " ] || {
		echo "not so: status $1, $2 stores, $3 sleeps, $4 preempted, but $got: $out"
		status=1
	}
}

expect 0 2 0 0 < <(head_of 8/8
	off bench-117 S; begin bench-117; store bench-117; off bench-117 D
	begin kworker/0:1-H-12; store kworker/0:1-H-12; off kworker/0:1-H-12 I)
expect 0 1 0 2 < <(head_of 5/5; begin bench-117
	off bench-117 R+; off other-9 S; off bench-117 R; store bench-117)
expect 0 2 2 0 < <(head_of 6/6; begin bench-117; off bench-117 D; store bench-117
	begin kworker/0:1-H-12; off kworker/0:1-H-12 S; store kworker/0:1-H-12)
# what was lost might have been a sleep; and nothing seen is not nothing there
expect 1 1 0 0 < <(head_of 2/100; begin bench-117; store bench-117)
expect 1 0 0 0 < <(head_of 1/1; off bench-117 S)
exit $status
