#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# What is swapped to, in the guest that is short of RAM:
#
#	arm.sh up ARM		set it up and swap on
#	arm.sh down ARM		swap off, and take it down; nothing may be left
#	arm.sh run ARM MB COMMAND...	in a control group with MB of RAM
#
#	arm.sh make MB		write the file that is read, on /dev/vdb
#	arm.sh mount		mount that at /mnt/fs
#
# and on its server:
#
#	arm.sh serve ARM, arm.sh unserve ARM	what it needs there, and no more
#
# ARM: disk zram zswap nbd nvme zcache ramster

. /tests/lib.sh

SERVER=10.0.0.1
NVMET=/sys/kernel/config/nvmet
ZSWAP=/sys/module/zswap/parameters
ZCACHE=/sys/module/zcache/parameters
DISK_MB=${DISK_MB:-256}
NQN=ramster-bench

must() {
	"$@" || fail "$*"
}

# put VALUE FILE
put() {
	echo "$1" >"$2" || fail "cannot write $1 to $2"
}

# --- the server --------------------------------------------------------------

nvme_serve() {
	local s=$NVMET/subsystems/$NQN p=$NVMET/ports/1

	must mkdir $s
	put 1 $s/attr_allow_any_host
	must mkdir $s/namespaces/1
	put /dev/ram0 $s/namespaces/1/device_path
	put 1 $s/namespaces/1/enable
	must mkdir $p
	put ipv4 $p/addr_adrfam
	put tcp $p/addr_trtype
	put $SERVER $p/addr_traddr
	put 4420 $p/addr_trsvcid
	must ln -s $s $p/subsystems/$NQN
}

nvme_unserve() {
	local s=$NVMET/subsystems/$NQN p=$NVMET/ports/1

	must rm $p/subsystems/$NQN
	must rmdir $p
	put 0 $s/namespaces/1/enable
	must rmdir $s/namespaces/1 $s
	# else the RAM disk keeps all that was ever written
	must blkdiscard /dev/ram0
}

nbd_serve() {
	mkdir -p /srv/nbd
	mountpoint -q /srv/nbd || must mount -t tmpfs -o size=100% none /srv/nbd
	truncate -s "${DISK_MB}M" /srv/nbd/swap
	cat >/run/nbd.conf <<-CONF
	[generic]
	listenaddr = $SERVER
	port = 10809
	[swap]
	exportname = /srv/nbd/swap
	CONF
	nbd-server -d -C /run/nbd.conf >/run/nbd.log 2>&1 </dev/null &
	echo $! >/run/nbd.pid
	wait_until 10 nbd_listens || fail "nbd-server: $(cat /run/nbd.log)"
}

nbd_listens() {
	grep -q ':2A39 [0-9A-F]*:0000 0A' /proc/net/tcp
}

nbd_unserve() {
	kill "$(cat /run/nbd.pid)"
	rm -f /srv/nbd/swap
	must umount /srv/nbd
}

ramster_serve() {
	put 1 $ZCACHE/enabled
	must ramster.sh start
}

ramster_unserve() {
	must ramster.sh -w 20 stop
	put 0 $ZCACHE/enabled
}

# --- the client --------------------------------------------------------------

swap_on() {
	local queue=/sys/block/${1#/dev/}/queue

	# readahead of a disk that turns is another one; the arms must not differ
	[ ! -e "$queue/rotational" ] || put 0 "$queue/rotational"
	must mkswap "$1" >/dev/null
	must swapon "$1"
}

device() {
	case $1 in
	zram)	echo /dev/zram0 ;;
	nbd)	echo /dev/nbd0 ;;
	nvme)	echo /dev/nvme0n1 ;;
	*)	echo /dev/vda ;;
	esac
}

disk_up() { :; }
disk_down() { :; }

zram_up() {
	put lzo /sys/block/zram0/comp_algorithm
	put "${DISK_MB}M" /sys/block/zram0/disksize
}

zram_down() {
	put 1 /sys/block/zram0/reset
}

zswap_up() {
	put lzo $ZSWAP/compressor
	put zsmalloc $ZSWAP/zpool
	put 60 $ZSWAP/max_pool_percent
	put Y $ZSWAP/enabled
}

zswap_down() {
	put N $ZSWAP/enabled
}

has_size() {
	[ "$(cat "/sys/block/$1/size")" -gt 0 ]
}

nbd_up() {
	bench nbd $SERVER 10809 swap /dev/nbd0 || fail "no connection with nbd-server"
	wait_until 10 has_size nbd0 || fail "the network block device has no size"
}

nbd_down() {
	must bench nbd -d /dev/nbd0
}

nvme_connect() {
	echo "transport=tcp,traddr=$SERVER,trsvcid=4420,nqn=$NQN" >/dev/nvme-fabrics
}

nvme_up() {
	# it repeats a lost SYN only once
	nvme_connect || nvme_connect || fail "no connection with nvmet"
	wait_until 10 test -b /dev/nvme0n1 || fail "no NVMe device came"
}

nvme_down() {
	put 1 /sys/class/nvme/nvme0/delete_controller
}

zcache_up() {
	put 1 $ZCACHE/enabled
}

zcache_down() {
	put 0 $ZCACHE/enabled
}

ramster_up() {
	put 1 $ZCACHE/enabled
	must ramster.sh -w 30 start
	put 1 /sys/kernel/mm/ramster/eph_remotify_enable
}

ramster_down() {
	# swap is off: nothing is to come home
	must ramster.sh -w 20 stop
	put 0 $ZCACHE/enabled
}

# --- orders ------------------------------------------------------------------

what=$1 arm=${2:-}
case $what in
mount)
	must mkdir -p /mnt/fs
	must mount -t ext4 /dev/vdb /mnt/fs
	exit 0 ;;
make)
	must sh "$0" mount
	must bench make --file /mnt/fs/file --mb "$2"
	must umount /mnt/fs
	exit 0 ;;
esac
case $arm in
disk|zram|zswap|nbd|nvme|zcache|ramster) ;;
*) fail "no arm $arm" ;;
esac
case $what in
serve|unserve)
	case $arm in
	nvme|nbd|ramster) "${arm}_$what" ;;
	esac ;;
up)
	echo 100 >/proc/sys/vm/swappiness
	echo 3 >/proc/sys/vm/page-cluster
	"${arm}_up"
	swap_on "$(device "$arm")" ;;
down)
	must swapoff "$(device "$arm")"
	"${arm}_down" ;;
run)
	group=/sys/fs/cgroup/bench
	mkdir -p $group
	put "$3M" $group/memory.max
	echo max >$group/memory.swap.max
	echo $$ >$group/cgroup.procs
	# All of a group's pages may be on their way to a slow device.  The kernel
	# kills then, without a wait; whom it may not kill tries once more.
	put -1000 /proc/self/oom_score_adj
	dmesg -n 1
	shift 3
	exec "$@" ;;
*)	fail "no order $what" ;;
esac
