#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# The last things that run in every guest.  In this order, each in all guests of
# a test before the next:
#
#	final.sh quiesce	swap off: nothing of this machine is anywhere else
#	final.sh settled	the peers know: nothing is held any more
#	final.sh down		the node down: still nothing, and nothing leaked

. /tests/lib.sh

status=0
bad() {
	echo "$*"
	status=1
}

# Counters of things held.  In debugfs, a node that is not in the first network
# namespace has a directory of its own below ramster/.
held_files() {
	for f in obj_count eph_pageframes pers_pageframes eph_zpages pers_zpages \
		 eph_zbytes pers_zbytes eph_filled_pages pers_filled_pages; do
		echo "zcache/$f"
	done
	for f in eph_zbytes pers_zbytes eph_zpages pers_zpages eph_pageframes \
		 pers_pageframes eph_buddied_count pers_buddied_count \
		 eph_unbuddied_count pers_unbuddied_count eph_isolated_count \
		 pers_isolated_count; do
		echo "zbud/$f"
	done
	for d in ramster $(cd "$D" && ls -d ramster/net:*/ 2>/dev/null); do
		for f in foreign_eph_pages foreign_pers_pages \
			 foreign_eph_zbytes foreign_pers_zbytes \
			 foreign_eph_pageframes foreign_pers_pageframes \
			 foreign_objects remote_eph_pages remote_pers_pages \
			 remote_debts remote_sending torture/held; do
			echo "${d%/}/$f"
		done
	done
	echo frontswap/held_pages
}

# Every few seconds on a slow machine: no more processes than needed.
held() {
	for f in $HELD; do
		n=0
		[ ! -r "$D/$f" ] || read -r n <"$D/$f"
		[ "$n" = 0 ] || echo "$f=$n"
	done
}

nothing_held() {
	[ -z "$(held)" ]
}

kmemleak() {
	[ -e "$D/kmemleak" ] || return 0
	! grep -qw kmemleak=off /proc/cmdline || return 0
	# an object counts when two scans found no pointer to it, the second of
	# them when it was older than five seconds
	echo scan >"$D/kmemleak" || bad "kmemleak has given up"
	sleep 5
	echo scan >"$D/kmemleak" || bad "kmemleak has given up"
	# the file has no size
	leaks=$(head -n 60 "$D/kmemleak")
	[ -z "$leaks" ] || bad "kmemleak: $leaks"
}

HELD=$(held_files)
case $1 in
quiesce)
	swapoff -a || bad "swapoff failed" ;;
settled)
	# flushes travel, frames go by RCU: a moment is allowed
	wait_until "${2:-15}" nothing_held ||
		bad "still held: $(held | tr '\n' ' ')" ;;
down)
	if [ -d /run/mesh ]; then
		. /tests/mesh.sh
		mesh_stop_all
	elif [ -n "$(ls /sys/kernel/config/ramster 2>/dev/null)" ]; then
		# -f: what a dead machine left here is nobody's any more
		ramster.sh -f -w 5 stop || bad "the node did not stop"
	fi
	wait_until 10 nothing_held ||
		bad "still held with the node down: $(held | tr '\n' ' ')"
	kmemleak ;;
esac
exit $status
