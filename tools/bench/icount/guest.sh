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

# doing TEXT: for those who watch
doing() {
	echo "doing $*"
}

# measure ARM CONTENT DISK [blind]
measure() {
	doing "$1" "$2"
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

# --- two nodes in this kernel ---------------------------------------------------

# The owner of the pages is node 0, in the first network namespace; node 1, which
# lends, has one of its own, and a pair of veth joins them.
CLUSTERS=/sys/kernel/config/ramster
CONTROL=/sys/kernel/mm/ramster

peer() {
	nsenter -t "$peer" -n "$@"
}

join_peer() {
	[ -z "$peer" ] || return 0
	unshare -n sleep 1000000 >/dev/null </dev/null &
	peer=$!
	sleep 1
	ip link set lo up
	ip link add type veth
	ip link set veth1 netns "$peer" || bad "no veth"
	ip addr add 10.9.0.1/24 dev veth0
	ip link set veth0 up
	peer ip link set lo up
	peer ip addr add 10.9.0.2/24 dev veth1
	peer ip link set veth1 up
}

# node DIR NUMBER ADDRESS
node() {
	mkdir "$1/node/$2" || bad "no node $2"
	set_to "$1/node/$2/ipv4_port" 7777
	set_to "$1/node/$2/ipv4_address" "$3"
	set_to "$1/node/$2/num" "$2"
}

# describe DIR: both nodes
describe() {
	set_to "$1/cluster_name" icount
	set_to "$1/capacity_mb" 64
	node "$1" 0 10.9.0.1
	node "$1" 1 10.9.0.2
}

is_up() {
	grep -q ' up ' $D/ramster/peers
}

start_nodes() {
	mkdir $CLUSTERS/owner || bad "no cluster"
	peer mkdir $CLUSTERS/lender || bad "no cluster of the peer"
	describe $CLUSTERS/owner
	describe $CLUSTERS/lender
	set_to $CLUSTERS/lender/node/1/local 1
	set_to $CLUSTERS/owner/node/0/local 1
	tries=0
	until is_up; do
		tries=$((tries + 1))
		[ $tries -le 30 ] || bad "the nodes are not connected"
		sleep 1
	done
	set_to $CONTROL/remote_target_nodenum 1
}

stop_nodes() {
	set_to $CONTROL/remote_target_nodenum unset
	rmdir $CLUSTERS/owner/node/0 $CLUSTERS/owner/node/1 $CLUSTERS/owner \
		$CLUSTERS/lender/node/1 $CLUSTERS/lender/node/0 \
		$CLUSTERS/lender || bad "the nodes do not stop"
}

arm_ramster_on() {
	set_to $ZCACHE/enabled 1
	start_nodes
	swap_on "$1"
	KEPT=$D/frontswap/held_pages
}
arm_ramster_off() {
	swapoff -a
	stop_nodes
	set_to $ZCACHE/enabled 0
}

# A disk of the peer's, in its user space.
arm_nbd_on() {
	peer gauge nbd-serve 10809 32
	gauge nbd-attach /dev/nbd0 10.9.0.2 10809 32
	sleep 1
	swap_on /dev/nbd0
}
arm_nbd_off() {
	swapoff -a
	gauge nbd-detach /dev/nbd0
}

# The same in its kernel.
NVMET=/sys/kernel/config/nvmet
arm_nvmetcp_on() {
	mkdir -p $NVMET/subsystems/ram/namespaces/1 $NVMET/ports/1
	set_to $NVMET/subsystems/ram/attr_allow_any_host 1
	set_to $NVMET/subsystems/ram/namespaces/1/device_path /dev/ram1
	set_to $NVMET/subsystems/ram/namespaces/1/enable 1
	set_to $NVMET/ports/1/addr_trtype tcp
	set_to $NVMET/ports/1/addr_adrfam ipv4
	set_to $NVMET/ports/1/addr_traddr 10.9.0.2
	set_to $NVMET/ports/1/addr_trsvcid 4420
	# it listens in the namespace of who does this
	peer ln -s $NVMET/subsystems/ram $NVMET/ports/1/subsystems/ram ||
		bad "no target of NVMe/TCP"
	exec 4<>/dev/nvme-fabrics
	echo "transport=tcp,traddr=10.9.0.2,trsvcid=4420,nqn=ram,nr_io_queues=1" >&4 ||
		bad "no connection to the target of NVMe/TCP"
	exec 4>&-
	sleep 1
	for nvme in /dev/nvme[1-9]n1; do :; done
	swap_on "$nvme"
}
arm_nvmetcp_off() {
	swapoff -a
}

# measure_net ARM CONTENT
measure_net() {
	doing "$1" "$2"
	"arm_$1_on"
	(
		echo 0 >/sys/fs/cgroup/gauge/cgroup.procs
		exec gauge net "$1" "$2" "$pages" "$rounds"
	)
	"arm_$1_off"
}

part_net() {
	join_peer
	mount -t cgroup2 none /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir /sys/fs/cgroup/gauge || bad "no control group"
	measure_net nbd "$net_content"
	measure_net nvmetcp "$net_content"
}

part_send() {
	join_peer
	arm_ramster_on $DISK
	export KEPT KEPT_UNIT=1
	doing ramster "$net_content"
	gauge send ramster "$net_content" "$pages" "$rounds"
	arm_ramster_off
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
# one is enough for what takes longest: the network does not look inside
net_content=half
for content in $contents; do
	case $content in
	filled|random)	;;
	*)	net_content=$content; break ;;
	esac
done

# a page a fault; and pages stay where they are put
set_to /proc/sys/vm/page-cluster 0
insmod /icount.ko || bad "no module"
set_to $ZCACHE/enabled 0
for part in $parts; do
	"part_$part"
done
power_off
