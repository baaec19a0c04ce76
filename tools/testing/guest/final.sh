#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# The last thing that runs in every guest: stop what is going on, then nothing
# may be held any more and nothing may have leaked.

. /tests/lib.sh

status=0
bad() {
	echo "$*"
	status=1
}

# Counters of things held, under /sys/kernel/debug.  All must be zero when swap
# is off and the node is down.
HELD="
frontswap/held_pages
zcache/obj_count
zcache/objnode_count
zcache/eph_pageframes
zcache/pers_pageframes
zcache/eph_zpages
zcache/pers_zpages
zcache/eph_zbytes
zcache/pers_zbytes
zbud/eph_zbytes
zbud/pers_zbytes
zbud/eph_zpages
zbud/pers_zpages
zbud/eph_pageframes
zbud/pers_pageframes
zbud/eph_buddied_count
zbud/pers_buddied_count
zbud/eph_unbuddied_count
zbud/pers_unbuddied_count
zbud/pers_zombie_count
ramster/foreign_eph_pages
ramster/foreign_pers_pages
"

held() {
	local f n

	for f in $HELD; do
		n=$(counter "$f")
		[ "$n" = 0 ] || echo "$f=$n"
	done
}

nothing_held() {
	[ -z "$(held)" ]
}

# What a test made in frontswap_torture or elsewhere and what it loads is its
# own to take away; swap and the node are taken away here.
swapoff -a || bad "swapoff failed"
[ ! -e /tests/stop.sh ] || sh /tests/stop.sh || bad "the node did not stop"

# flushes travel, frames go by RCU: a moment is allowed
wait_until 10 nothing_held || bad "still held:" "$(held | tr '\n' ' ')"

if [ -e "$D/kmemleak" ]; then
	# an object counts once it has been unreferenced in two scans and is older
	# than five seconds
	echo scan >"$D/kmemleak"
	sleep 5
	echo scan >"$D/kmemleak"
	if [ -s "$D/kmemleak" ]; then
		echo "kmemleak:"
		head -n 60 "$D/kmemleak"
		status=1
	fi
fi
exit $status
