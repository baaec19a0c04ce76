#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# First and only program of the guest whose instructions are counted; see
# ../icount.sh. Goes through the parts that the kernel arguments name, and turns
# the machine off. What it finds out goes to the second serial port.
#
#	icount.parts=PART,...	see below: a function part_NAME each
#	icount.contents=KIND,...
#	icount.pages=N icount.rounds=N

export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/
mount -t devtmpfs none /dev 2>/dev/null
mount -t proc none /proc
mount -t sysfs none /sys
mount -t debugfs none /sys/kernel/debug
mount -t configfs none /sys/kernel/config
mount -t tmpfs none /tmp
exec >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 raw

D=/sys/kernel/debug
ZSWAP=/sys/module/zswap/parameters
ZCACHE=/sys/module/zcache/parameters
NOTHING=/sys/module/icount/parameters/nothing
DISK=/dev/nvme0n1

bad() {
	echo "bad: $*"
	power_off
}

power_off() {
	echo "end"
	sync
	reboot -f
}

# set FILE VALUE
set_to() {
	echo "$2" >"$1" || bad "$2 cannot be written to $1"
}

# swap_on DEVICE: and nothing else
swap_on() {
	mkswap "$1" >/dev/null || bad "mkswap $1"
	swapon "$1" || bad "swapon $1"
}

# --- arms: what is swapped to --------------------------------------------------

# Each has arm_NAME_on DISK and arm_NAME_off; most need no disk, but have it
# behind them. KEPT is a file that says what the arm holds, in KEPT_UNIT bytes or
# pages.

arm_nothing_on() {
	set_to $NOTHING 1
	KEPT=$D/frontswap/held_pages
	swap_on "$1"
}
arm_nothing_off() {
	swapoff -a
	set_to $NOTHING 0
}

arm_zram_on() {
	set_to /sys/block/zram0/comp_algorithm lzo
	set_to /sys/block/zram0/disksize 64M
	swap_on /dev/zram0
	KEPT=/sys/block/zram0/mm_stat KEPT_UNIT=4096
}
arm_zram_off() {
	swapoff -a
	set_to /sys/block/zram0/reset 1
}

arm_zswap_on() {
	set_to $ZSWAP/compressor lzo
	set_to $ZSWAP/enabled 1
	swap_on "$1"
	KEPT=$D/zswap/stored_pages
}
arm_zswap_off() {
	swapoff -a
	set_to $ZSWAP/enabled 0
}

arm_zcache_on() {
	set_to $ZCACHE/enabled 1
	swap_on "$1"
	KEPT=$D/frontswap/held_pages
}
arm_zcache_off() {
	swapoff -a
	set_to $ZCACHE/enabled 0
}

arm_disk_on() {
	KEPT=
	swap_on "$1"
}
arm_disk_off() {
	swapoff -a
}

# measure ARM CONTENT DISK [blind]
measure() {
	KEPT_UNIT=1
	"arm_$1_on" "$3"
	export KEPT KEPT_UNIT
	# shellcheck disable=SC2086 # a word, or none
	gauge swap "$1" "$2" "$pages" "$rounds" $4
	"arm_$1_off"
}

# --- parts ---------------------------------------------------------------------

part_clock() {
	gauge clock
}

part_lzo() {
	for content in $contents; do
		gauge lzo "$content" 64
	done
}

# What is not kept by an arm goes to a disk, and a disk that takes its time has
# no place here: where that happens the disk is RAM.
part_swap() {
	for content in $contents; do
		case $content in
		random)	disk=/dev/ram0 ;;
		*)	disk=$DISK ;;
		esac
		[ "$content" != random ] || measure disk "$content" $disk
		measure nothing "$content" $disk blind
		for arm in zram zswap zcache; do
			measure $arm "$content" $disk
		done
	done
}

# -------------------------------------------------------------------------------

read -r cmdline </proc/cmdline
for arg in $cmdline; do
	case $arg in
	icount.parts=*)		parts=${arg#*=} ;;
	icount.contents=*)	contents=${arg#*=} ;;
	icount.pages=*)		pages=${arg#*=} ;;
	icount.rounds=*)	rounds=${arg#*=} ;;
	esac
done
parts=$(echo "$parts" | tr , ' ')
contents=$(echo "$contents" | tr , ' ')

# a page a fault; and pages stay where they are put
set_to /proc/sys/vm/page-cluster 0
insmod /icount.ko || bad "no module"
set_to $ZCACHE/enabled 0
for part in $parts; do
	"part_$part"
done
power_off
