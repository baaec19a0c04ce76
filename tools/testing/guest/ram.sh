#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# RAM in a guest, and who looks at it.
#
#	ram.sh take UNTIL_KB FLOOR_KB	fill a file system in RAM, 1 MB at a time,
#			until MemAvailable and what the store has of swap pages
#			are so much together; it may never be below the floor
#	ram.sh give	that RAM back
#	ram.sh watch	the lowest MemFree and MemAvailable in kB, until
#			/run/watch is gone
#	ram.sh wakes SECS	how often the thread remotify is woken up in that time
#	ram.sh min	what the kernel keeps for itself: its lowest marks, in kB

. /tests/lib.sh

DIR=/run/taken

# Sets $free and $available, in kB.
meminfo() {
	while read -r key kb _; do
		case $key in
		MemFree:)	free=$kb ;;
		MemAvailable:)	available=$kb; break ;;
		esac
	done </proc/meminfo
}

# Sets $frames: kB that the store takes here.
frames() {
	read -r frames <"$D/zcache/pers_pageframes"
	frames=$((frames * 4))
}

wakes() {
	awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$pid/status"
}

case $1 in
take)
	mkdir -p $DIR
	grep -q " $DIR " /proc/mounts || mount -t tmpfs -o size=100% none $DIR
	lowest=''
	n=0
	while :; do
		meminfo
		frames
		[ "${lowest:-$available}" -lt "$available" ] || lowest=$available
		[ "$available" -ge "$3" ] ||
			fail "$available kB are available, less than $3 ($frames in the store, $n MB taken)"
		[ $((available + frames)) -gt "$2" ] || break
		dd if=/dev/zero bs=1M count=1 >>$DIR/file 2>/dev/null ||
			fail "nothing can be taken"
		n=$((n + 1))
		sleep 0.1
	done
	echo "taken $n MB, lowest available $lowest kB, in the store $frames kB" ;;
give)
	umount $DIR ;;
watch)
	: >/run/watch
	low_free=''
	low_available=''
	while [ -e /run/watch ]; do
		meminfo
		[ "${low_free:-$free}" -lt "$free" ] || low_free=$free
		[ "${low_available:-$available}" -lt "$available" ] ||
			low_available=$available
		sleep 0.3
	done
	echo "lowest free $low_free available $low_available" ;;
wakes)
	pid=$(pidof remotify)
	before=$(wakes)
	sleep "$2"
	echo $(($(wakes) - before)) ;;
min)
	awk '$1 == "min" { n += $2 } END { print n * 4 }' /proc/zoneinfo ;;
esac
