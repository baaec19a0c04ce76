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

awk -f /bench/sleeps.awk $T/trace || status=1
: >$T/trace
echo 8 >$T/buffer_size_kb
exit $status
