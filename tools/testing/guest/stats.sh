#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# Prints "NAME VALUE" for every counter worth watching, those of this node under
# /sys/kernel/debug by directory and name, then memory and disk.  Nothing but
# the shell's own commands: this runs while memory is short.

cd /sys/kernel/debug || exit 1
for f in frontswap/* zcache/* zbud/* ramster/*; do
	if [ -f "$f" ]; then
		read -r v <"$f"
		case $v in
		*[!0-9]*|'') ;;
		*)	echo "$f $v" ;;
		esac
	fi
done 2>/dev/null
while read -r n v _; do
	case $n in
	MemTotal:|MemFree:|MemAvailable:|SwapTotal:|SwapFree:)
		echo "mem/${n%:} $v" ;;
	esac
done </proc/meminfo
while read -r n v; do
	case $n in
	pswpin|pswpout|pgmajfault|zswpin|zswpout) echo "vm/$n $v" ;;
	esac
done </proc/vmstat
# sectors read and written of the swap disk
while read -r _ _ dev _ _ r _ _ _ w _; do
	case $dev in
	vda|nvme0n1)	echo "disk/read_sectors $r"; echo "disk/write_sectors $w" ;;
	esac
done </proc/diskstats
exit 0
