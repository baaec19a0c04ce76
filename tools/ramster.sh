#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# ramster.sh - run this machine's node of a RAMster cluster.
#
# The cluster is described in one file, which is the same on all its machines.
# Each finds itself in it by its host name.  See --help for the format.
#
# Works with any POSIX shell and awk, busybox's included.

set -u

# RAMSTER_ROOT: in place of /, for tests.
ROOT=${RAMSTER_ROOT:-}
CONF=$ROOT/etc/ramster.conf
SETTINGS=$ROOT/etc/default/ramster
CONFIGFS=$ROOT/sys/kernel/config
DEBUGFS=$ROOT/sys/kernel/debug
MM=$ROOT/sys/kernel/mm/ramster
# of the kernel's files that this tool knows
REVISION=8

usage() {
	cat <<'USAGE'
usage: ramster.sh [options] ACTION

  configure  write the cluster file; "configure --help" lists its options
  check      read the cluster file and say what is wrong with it
  start      bring this machine's node up; if it has a target, wait until that
             is connected and start to send pages to it.  After a drain: go on
  send       the second half of start
  status     show the nodes, and pages and bytes each way
  top        the same every few seconds, for each second; q ends it
  drain      stop sending, bring all pages home (swapoff, then swapon), and take
             no more pages of others; the node stays up
  stop       drain, then take the node down; refused while this node holds pages
             of others, which would lose them

  target NODE  send to that node, by name or number, from now on; "any": to
             whoever has room; "none": to no one
  up NODE, down NODE  declare it up, or down, whatever the heartbeat says
  purge NODE   forget all that it has here; for one that is gone for good, with -f

  -c FILE  cluster file                   (/etc/ramster.conf)
  -n NAME  this machine's name in it      (what hostname prints)
  -w SECS  how long start waits for the target, and drain and stop for peers
           (60); 0: as long as it takes
  -b       start at boot: only if configured so, and without the wait
  -s AREA  drain, stop: a swap file or partition, prepared with mkswap, that takes
           what does not fit into RAM meanwhile
  -f       stop even if others lose pages by that: their processes that touch
           them get SIGBUS
  -d SECS  top: from one table to the next (2)
  -r N     top: end after so many

-c, -n and -w have other defaults with NODE_NAME= or WAIT= in
/etc/default/ramster, where configure keeps ON_BOOT= as well.

Status 0: it went well; 1: it did not; 2: wrong usage; 3: the node is down.

The cluster file:

  cluster:
          name = ramster
          node_count = 2
          # optional, the same on all nodes: idle_timeout_ms,
          # keepalive_delay_ms, reconnect_delay_ms, get_timeout_ms,
          # dead_threshold, heartbeat_mode, fence_method; and copies: on
          # how many nodes a swap page is to be, 1 or 2, if sent to any
  node:
          name = lean
          cluster = ramster
          number = 0
          ip_address = 192.0.2.1    # or an IPv6 address
          ip_port = 7777
          target = any          # optional: send pages to whoever has room;
                                # or to one node: its number
          # send = swap         # optional: swap, cache or both
          # capacity_mb = 512   # optional: RAM lent to others
  node:
          name = roomy
          cluster = ramster
          number = 1
          ip_address = 192.0.2.2
          ip_port = 7777
USAGE
}

say() { echo "ramster: $*"; }
die() { echo "ramster: $*" >&2; exit 1; }

# Of this script: beside it, or where make install puts them.
for LIB in "$(dirname "$0")/ramster" "$ROOT/usr/lib/ramster" /usr/lib/ramster; do
	[ ! -r "$LIB/conf.sh" ] || break
done
for part in conf configure drain nodes status; do
	# shellcheck source=/dev/null
	. "$LIB/$part.sh" || die "parts of this tool are missing: $LIB/$part.sh"
done

# setting KEY DEFAULT: of this machine.
setting() {
	value=$(sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$SETTINGS" 2>/dev/null | tail -n 1)
	echo "${value:-$2}"
}

# Writes a value, and on failure says where, what, and what the kernel said.
put() { # VALUE FILE
	echo "$1" 2>/dev/null >"$2" && return 0
	say "cannot write \"$1\" to $2" >&2
	dmesg 2>/dev/null | grep -E 'ramster|zcache' | tail -n 2 | sed 's/^/  kernel: /' >&2
	return 1
}

mount_debugfs() {
	[ -d "$DEBUGFS"/ramster ] || [ -n "$ROOT" ] ||
		mount -t debugfs none "$DEBUGFS" 2>/dev/null
}

# A kernel whose files mean something else is left alone.
check_revision() {
	[ -d "$MM" ] ||
		die "this kernel runs no ramster: boot with \"ramster\" on its command line, or load the module"
	rev=$(cat "$MM"/interface_revision 2>/dev/null)
	[ "$rev" = $REVISION ] ||
		die "the kernel's interface revision is \"$rev\", this tool's is $REVISION: use the tool that came with the kernel"
}

prepare() {
	if [ -z "$ROOT" ]; then
		modprobe ramster 2>/dev/null
		[ -d "$CONFIGFS"/ramster ] || mount -t configfs none "$CONFIGFS" 2>/dev/null
	fi
	mount_debugfs
	check_revision
	[ -d "$CONFIGFS"/ramster ] ||
		die "there is no $CONFIGFS/ramster: configfs cannot be mounted"
}

make_node() { # NUMBER
	node=$CONFIGFS/ramster/$CLUSTER/node/$(field "$1" name)
	addr=$(field "$1" ip_address)
	case $addr in
	*:*) file=ipv6_address ;;
	*) file=ipv4_address ;;
	esac
	mkdir "$node" && put "$(field "$1" ip_port)" "$node/ipv4_port" &&
		put "$addr" "$node/$file" && put "$1" "$node/num"
}

# idle_timeout_ms must stay above keepalive_delay_ms after each write.
timeouts_in_order() { # DIR
	idle=$(cluster_field idle_timeout_ms)
	if [ -n "$idle" ] && [ "$idle" -le "$(cat "$1/keepalive_delay_ms")" ]; then
		echo keepalive_delay_ms idle_timeout_ms
	else
		echo idle_timeout_ms keepalive_delay_ms
	fi
}

set_capacity() {
	value=$(field "$SELFNUM" capacity_mb)
	[ -z "$value" ] || put "$value" "$CONFIGFS/ramster/$CLUSTER/capacity_mb"
}

make_cluster() {
	dir=$CONFIGFS/ramster/$CLUSTER
	mkdir "$dir" || return 1
	for key in $(timeouts_in_order "$dir") reconnect_delay_ms get_timeout_ms \
		fence_method heartbeat_mode dead_threshold copies; do
		value=$(cluster_field "$key")
		case $key in
		heartbeat_mode) key=heartbeat/mode ;;
		dead_threshold) key=heartbeat/dead_threshold ;;
		esac
		[ -z "$value" ] || put "$value" "$dir/$key" || return 1
	done
	set_capacity || return 1
	for num in $(numbers); do
		make_node "$num" || return 1
	done
	put 1 "$dir/node/$(field "$SELFNUM" name)/local"
}

# sent KIND: whether this node is to send pages of that kind, pers or eph.
sent() {
	case $1:$(field "$SELFNUM" send) in
	pers: | pers:swap | eph:cache | *:both) return 0 ;;
	esac
	return 1
}

start_sending() { # TARGET
	if [ "$1" = any ]; then
		to="whoever has room"
	else
		to="node $1 ($(field "$1" name))"
	fi
	tries=0
	until echo "$1" 2>/dev/null >"$MM"/remote_target_nodenum; do
		[ -d "$CONFIGFS/ramster/$CLUSTER" ] || die "cluster $CLUSTER is not started"
		tries=$((tries + 1))
		[ $tries -le "$WAIT" ] || [ "$WAIT" = 0 ] ||
			die "node $1 did not connect within $WAIT seconds; the node is up, but sends nothing"
		sleep 1
	done
	for kind in pers eph; do
		! sent $kind || put 1 "$MM"/${kind}_remotify_enable || exit 1
	done
	say "sending $(sends) pages to $to"
}

do_send() {
	load
	need_self
	check_revision
	online || exit
	target=$(field "$SELFNUM" target)
	if [ -n "$target" ]; then
		start_sending "$target"
	else
		say "this node has no target, and sends nothing"
	fi
}

# After a drain; a node that is in full work is left alone.
go_on() {
	[ "$(cat "$CONFIGFS/ramster/$CLUSTER/capacity_mb")" = 0 ] ||
		die "cluster $CLUSTER is started already"
	capacity=$(cat "$DRAINED" 2>/dev/null)
	put "${capacity:-0}" "$CONFIGFS/ramster/$CLUSTER/capacity_mb" || exit 1
	rm -f "$DRAINED"
	say "node $SELFNUM ($SELF) of cluster $CLUSTER goes on"
}

do_start() {
	if [ -n "$BOOT" ] && [ "$(setting ON_BOOT yes)" != yes ]; then
		say "not to be started at boot: ON_BOOT in $SETTINGS"
		return
	fi
	load
	need_self
	prepare
	if [ -d "$CONFIGFS/ramster/$CLUSTER" ]; then
		go_on
	elif ! make_cluster; then
		remove_cluster
		die "cluster $CLUSTER was not started"
	else
		rm -f "$DRAINED"
		say "node $SELFNUM ($SELF) of cluster $CLUSTER is up"
	fi
	[ -z "$BOOT" ] || return 0
	target=$(field "$SELFNUM" target)
	[ -z "$target" ] || start_sending "$target"
}

SELF=$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)
SELF=$(setting NODE_NAME "$SELF")
WAIT=$(setting WAIT 60)
# what this node lent before it was drained
DRAINED=$ROOT/run/ramster-drained
FORCE='' BOOT='' SPARE='' INTERVAL=2 ROUNDS=0
# shellcheck disable=SC2034 # for the parts
while getopts c:n:w:d:r:s:bfh opt; do
	case $opt in
	c) CONF=$OPTARG ;;
	n) SELF=$OPTARG ;;
	w) WAIT=$OPTARG ;;
	d) INTERVAL=$OPTARG ;;
	r) ROUNDS=$OPTARG ;;
	s) SPARE=$OPTARG ;;
	b) BOOT=1 ;;
	f) FORCE=1 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
case $WAIT$ROUNDS in
*[!0-9]*) say "-w and -r take whole numbers" >&2; exit 2 ;;
esac
case $INTERVAL in
'' | *[!0-9.]* | *.*.* | .) say "-d takes a number of seconds" >&2; exit 2 ;;
esac

action=${1:-}
[ $# = 0 ] || shift
case $action in
configure) do_configure "$@"; exit ;;
--help | help) usage; exit 0 ;;
esac
case $action:$# in
up:1 | down:1 | target:1 | purge:1) "do_$action" "$1"; exit ;;
up:* | down:* | target:* | purge:*) say "$action takes one node" >&2; exit 2 ;;
*:0) ;;
*) say "what is $1?" >&2; usage >&2; exit 2 ;;
esac
case $action in
check) do_check ;;
start) do_start ;;
send) do_send ;;
status) do_status ;;
top) do_top ;;
drain) do_drain ;;
stop) do_stop ;;
*) usage >&2; exit 2 ;;
esac
