#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# configure.sh STAGE...: what can be written to the files of a cluster and what
# cannot, and what comes of it.  Two nodes in one guest: node 1 in the first
# network namespace, which moves its pages; node 0 in another one, joined by a
# pair of veth.  The stages follow one another:
#
#	rules		of the files in configfs, each with its errno
#	early		control files before there is a cluster
#	disagree	nodes with other timeouts refuse each other
#	connect		what a connection changes
#	by_hand		nodes declared up and down
#	target		to whom pages are sent
#	dead		nodes are found dead, and alive, by themselves
#	remove		of nodes, connected and not
#	namespace	that goes away with a cluster in it
#	stop		of the other cluster

. /tests/lib.sh

C=/sys/kernel/config/ramster
M=/sys/kernel/mm/ramster
DIR=/run/configure

# The words for the errors.
EBUSY='busy'
EEXIST='File exists'
EINVAL='Invalid argument'
ELOOP='Too many levels of symbolic links'
ENAMETOOLONG='File name too long'
ENODEV='No such device'
ENOENT='No such file or directory'
ENOSPC='No space left on device'
ENOTCONN='not connected'
ERANGE='out of range'

# write FILE VALUE: must succeed
write() {
	error=$( { echo "$2" >"$1"; } 2>&1) ||
		fail "\"$2\" cannot be written to $1: $error"
}

# refused FILE VALUE ERROR: must fail with that
refused() {
	if error=$( { echo "$2" >"$1"; } 2>&1); then
		fail "\"$2\" could be written to $1"
	fi
	case $error in
	*"$3"*) ;;
	*) fail "\"$2\" to $1: $error, not: $3" ;;
	esac
}

# reads FILE VALUE
reads() {
	value=$(cat "$1") || fail "$1 cannot be read"
	[ "$value" = "$2" ] || fail "$1 is \"$value\", not \"$2\""
}

# not_made ERROR COMMAND...: mkdir or rmdir, must fail with that
not_made() {
	why=$1
	shift
	if error=$("$@" 2>&1); then
		fail "$* worked"
	fi
	case $error in
	*"$why"*) ;;
	*) fail "$*: $error, not: $why" ;;
	esac
}

# In the namespace of node 0.
peer() {
	nsenter -t "$(cat $DIR/pid)" -n "$@"
}

# node CLUSTER NAME NUM ADDRESS: make a directory, all but local
node() {
	mkdir "$C/$1/node/$2" || fail "no directory $2"
	write "$C/$1/node/$2/ipv4_port" 7777
	write "$C/$1/node/$2/ipv4_address" "$4"
	write "$C/$1/node/$2/num" "$3"
}

# said N TEXT: so many lines of the log have that; once is how it should be
said() {
	n=$(dmesg | grep -c "ramster: .*$2")
	[ "$n" = "$1" ] || {
		dmesg | grep ramster: | tail -n 30
		fail "the log has \"$2\" $n times, not $1"
	}
}

is_state() { # DIR STATE
	case $(cat "$C/$1/state") in
	"$2"*) ;;
	*) false ;;
	esac
}

state() { # DIR STATE
	wait_until 60 is_state "$1" "$2" ||
		fail "$1 is $(cat "$C/$1/state"), not $2"
}

listens() { # FILE
	# port 7777, state LISTEN
	grep -q ':1E61 [0-9A-F]*:0000 0A' "${1:-/proc/net/tcp}"
}

rules() {
	reads $M/interface_revision 8
	mkdir $C/lab || fail "no cluster"
	not_made "$ENOSPC" mkdir $C/second
	long=$(printf '%065d' 0)
	not_made "$ENAMETOOLONG" mkdir "$C/lab/node/$long"
	mkdir "$C/lab/node/${long#0}" || fail "64 characters are too long"
	rmdir "$C/lab/node/${long#0}"

	reads $C/lab/cluster_name lab
	reads $C/lab/idle_timeout_ms 30000
	reads $C/lab/keepalive_delay_ms 2000
	reads $C/lab/reconnect_delay_ms 2000
	# each refusal says what is wrong, unless there are very many
	refused $C/lab/idle_timeout_ms 1999 "$EINVAL"
	said 1 'lab/idle_timeout_ms: idle_timeout_ms must be larger than keepalive_delay_ms'
	for f in idle_timeout_ms keepalive_delay_ms reconnect_delay_ms get_timeout_ms; do
		refused $C/lab/$f 0 "$EINVAL"
		refused $C/lab/$f x "$EINVAL"
		refused $C/lab/$f 4294967295 "$ERANGE"
	done
	refused $C/lab/idle_timeout_ms 2000 "$EINVAL"
	refused $C/lab/keepalive_delay_ms 30000 "$EINVAL"

	reads $C/lab/heartbeat/dead_threshold 31
	for v in 0 1 2; do
		refused $C/lab/heartbeat/dead_threshold $v "$EINVAL"
	done
	write $C/lab/heartbeat/dead_threshold 3
	write $C/lab/heartbeat/dead_threshold 4
	reads $C/lab/heartbeat/dead_threshold 4
	reads $C/lab/heartbeat/mode local
	refused $C/lab/heartbeat/mode worldwide "$EINVAL"
	write $C/lab/heartbeat/mode GLOB
	reads $C/lab/heartbeat/mode global
	reads $C/lab/fence_method reset
	refused $C/lab/fence_method none "$EINVAL"
	write $C/lab/fence_method Panic
	reads $C/lab/fence_method panic
	long=$(printf '%033d' 0)
	not_made "$ENAMETOOLONG" mkdir "$C/lab/heartbeat/$long"
	mkdir "$C/lab/heartbeat/${long#0}" $C/lab/heartbeat/ABCD ||
		fail "no region"
	rmdir "$C/lab/heartbeat/${long#0}" $C/lab/heartbeat/ABCD

	n=$C/lab/node/me
	mkdir $n $C/lab/node/other || fail "no node"
	reads $n/num 0
	reads $n/local 0
	reads $n/state offline
	refused $n/num 1 "$EINVAL"
	refused $n/local 1 "$EINVAL"
	refused $n/ipv4_port 0 "$EINVAL"
	refused $n/ipv4_port 65535 "$ERANGE"
	refused $n/ipv4_address 10.9.0.256 "$ERANGE"
	refused $n/ipv4_address 10.9.0 "$EINVAL"
	write $n/ipv4_address 10.9.0.2
	refused $n/num 1 "$EINVAL"
	write $n/ipv4_port 7777
	refused $n/num 255 "$ERANGE"
	refused $n/local 1 "$EINVAL"
	write $n/num 1
	refused $n/num 1 "$EBUSY"
	refused $n/ipv4_port 7777 "$EBUSY"
	refused $n/ipv4_address 10.9.0.2 "$EBUSY"
	refused $C/lab/node/other/ipv4_address 10.9.0.2 "$EEXIST"
	refused $C/lab/node/other/ipv6_address fe80::1 "$EINVAL"
	write $C/lab/node/other/ipv6_address fd00::6
	refused $C/lab/node/other/ipv6_address fd00::7 "$EBUSY"
	write $C/lab/node/other/ipv4_port 65534
	refused $C/lab/node/other/num 1 "$EEXIST"
	write $C/lab/node/other/num 254
	reads $C/lab/node/other/ipv6_address fd00::6
	reads $C/lab/node/other/ipv4_address 0.0.0.0
	reads $C/lab/node/other/ipv4_port 65534
	reads $C/lab/node/other/num 254
	reads $n/ipv4_address 10.9.0.2
	reads $n/ipv4_port 7777
	reads $n/num 1
	rmdir $C/lab/node/other
}

early() {
	[ -d "$D/ramster" ] || fail "no counters"
	# shellcheck disable=SC2009 # kernel threads
	if ps | grep -q '\[remotify\]'; then fail "somebody moves pages"; fi
	reads $M/remote_target_nodenum unset
	reads $M/manual_node_up ''
	reads $M/manual_node_down ''
	refused $M/manual_node_up 0 "$ENODEV"
	refused $M/manual_node_down 0 "$ENODEV"
	refused $M/remote_target_nodenum 0 "$ENODEV"
	reads $M/manual_node_up ''
	said 1 'manual_node_up: this machine.s node is not up yet'
}

# refusals: how often a node said that it and another disagree on times.
refusals() {
	dmesg | grep -c 'refused: its idle_timeout_ms is [0-9]*, its keepalive_delay_ms [0-9]*, its dead time'
}

disagree() {
	mkdir -p $DIR
	unshare -n sleep 100000 >/dev/null 2>&1 </dev/null &
	echo $! >$DIR/pid
	sleep 1
	ip link add type veth
	ip link set veth1 netns "$(cat $DIR/pid)" || fail "no veth"
	ip addr add 10.9.0.2/24 dev veth0
	ip link set veth0 up
	peer ip addr add 10.9.0.1/24 dev veth1
	peer ip link set veth1 up
	peer mkdir $C/peer || fail "no cluster in another namespace"
	write $C/peer/cluster_name lab
	node peer lender 0 10.9.0.1
	node peer owner 1 10.9.0.2

	write $C/lab/keepalive_delay_ms 700
	write $C/lab/idle_timeout_ms 3000
	write $C/lab/reconnect_delay_ms 300
	if listens; then fail "somebody listens already"; fi
	write $C/lab/node/me/local 1
	listens || fail "nobody listens"
	# shellcheck disable=SC2009 # kernel threads
	ps | grep -q '\[remotify\]' || fail "nobody is there to move pages"
	reads $C/lab/node/me/state local
	refused $C/lab/node/me/local 1 "$EBUSY"
	refused $C/lab/cluster_name x "$EBUSY"

	# it is not in the table of node 1 yet
	if peer nc -w 2 10.9.0.2 7777 </dev/null | grep -q .; then
		fail "a stranger was spoken to"
	fi
	said 1 'refused a connection from 10.9.0.1:[0-9]*: no node has'

	write $C/peer/node/lender/local 1
	node lab you 0 10.9.0.1
	refused $C/peer/node/owner/local 1 "$EBUSY"
	sleep 3
	if is_state lab/node/you up; then fail "they agree on nothing, and connect"; fi
	# each says so once; but who is refused may not get to read why
	before=$(refusals)
	[ "$before" = 1 ] || [ "$before" = 2 ] || fail "$before said why"
	write $C/peer/keepalive_delay_ms 700
	write $C/peer/idle_timeout_ms 3000
	write $C/peer/reconnect_delay_ms 300
	# the pauses between attempts have become long: now, please
	write $M/manual_node_up 0
	sleep 2
	if is_state lab/node/you up; then fail "they differ in their dead time"; fi
	after=$(($(refusals) - before))
	[ $after = 1 ] || [ $after = 2 ] || fail "$after said why"
	write $C/peer/heartbeat/dead_threshold 4
	write $M/manual_node_up 0
}

connect() {
	state lab/node/you up
	state peer/node/owner up
	said 1 'connected to node 0 (10.9.0.1:7777)$'
	said 1 'accepted a connection from node 1 (10.9.0.2:7777)$'
	grep -q '^0 up ' "$D/ramster/peers" || fail "the table of peers is wrong"
	for f in idle_timeout_ms keepalive_delay_ms heartbeat/dead_threshold; do
		value=$(cat $C/lab/$f)
		refused $C/lab/$f $((value + 1)) "$EINVAL"
		write $C/lab/$f "$value"
	done
	write $C/lab/reconnect_delay_ms 500
	write $C/lab/get_timeout_ms 5000
}

by_hand() {
	for f in manual_node_up manual_node_down; do
		for v in x -1 255 ''; do
			refused $M/$f "$v" "$EINVAL"
		done
		refused $M/$f 77 "$ENOENT"
	done
	refused $M/manual_node_down 1 "$ELOOP"
	write $M/manual_node_up 1
	write $M/manual_node_up 0
	write $M/manual_node_up 0
	reads $M/manual_node_up '0 1'
	is_state lab/node/you up || fail "to be declared up did it no good"

	write $M/manual_node_down 0
	write $M/manual_node_down 0
	reads $M/manual_node_down 0
	reads $M/manual_node_up 1
	reads $C/lab/node/you/state down-by-hand
	state peer/node/owner down
	reads $C/lab/node/you/state down-by-hand
	said 1 'no longer connected to node 0 '
	said 1 'no longer connected to node 1 '
	said 1 'node 1 is down: not heard from'
	refused $M/remote_target_nodenum 0 "$ENOTCONN"

	write $M/manual_node_up 0
	reads $M/manual_node_down ''
	state lab/node/you up
	state peer/node/owner up
	# and the one that is connected to can do it as well, but has no file for
	# it in this guest: see r2tcp_test_hold_accepts
}

target() {
	refused $M/remote_target_nodenum 1 "$ELOOP"
	refused $M/remote_target_nodenum 77 "$ENOTCONN"
	refused $M/remote_target_nodenum 255 "$EINVAL"
	refused $M/remote_target_nodenum -1 "$EINVAL"
	reads $M/remote_target_nodenum unset
	write $M/remote_target_nodenum 0
	reads $M/remote_target_nodenum 0
	said 1 'node 0 is the remotification target'
	not_made "$EBUSY" rmdir $C/lab/node/you
	is_state lab/node/you up || fail "it was not removed, but is not up"
	write $M/remote_target_nodenum unset
	reads $M/remote_target_nodenum unset

	# it is not the target any more when it is down by hand
	write $M/remote_target_nodenum 0
	write $M/manual_node_down 0
	reads $M/remote_target_nodenum unset
	said 1 'node 0 was it, and is down by hand'
	write $M/manual_node_up 0
	state lab/node/you up
}

dead() {
	node lab absent 5 10.9.0.5
	connects=$(dmesg | grep -c 'connected to node 0 (10.9.0.1:7777), again')
	ip link set veth0 down
	state lab/node/you down
	said 1 'node 0 is down: not heard from for the dead time (6000 ms)'
	said 1 'node 0 (10.9.0.1:7777): idle for too long'
	ip link set veth0 up
	state lab/node/you up
	state peer/node/owner up
	said $((connects + 1)) 'connected to node 0 (10.9.0.1:7777), again'
	state lab/node/absent down
	reads $C/lab/node/absent/state 'down: never heard from'
	said 1 'node 5 is down: never heard from'
	said 1 'no connection established with node 5 '
}

remove() {
	# one without a number is nobody: node 0 does not feel it
	mkdir $C/lab/node/nobody
	rmdir $C/lab/node/nobody
	rmdir $C/lab/node/absent
	is_state lab/node/you up || fail "another node was removed"
	downs=$(dmesg | grep -c 'no longer connected to node 0 ')
	rmdir $C/lab/node/you || fail "node 0 cannot be removed"
	said $((downs + 1)) 'no longer connected to node 0 '
	reads $M/manual_node_up 1
	listens || fail "node 1 does not listen any more"
	node lab you 0 10.9.0.1
	state lab/node/you up
}

namespace() {
	is_state peer/node/lender local || fail "node 0 has gone too early"
	kill "$(cat $DIR/pid)"
	wait_until 60 stopped || fail "the cluster goes on without a namespace"
	said 1 'cluster lab stops: its network namespace goes away'
	reads $C/peer/node/owner/state offline
	reads $C/peer/idle_timeout_ms 3000
	mkdir $C/peer/node/late
	refused $C/peer/node/late/ipv6_address fd00::8 "$ENODEV"
	refused $C/peer/node/late/local 1 "$ENODEV"
	rmdir $C/peer/node/late
	state lab/node/you down
	rmdir $C/peer/node/lender $C/peer/node/owner $C/peer ||
		fail "what is left of the cluster cannot be removed"
}

stop() {
	rmdir $C/lab/node/me || fail "node 1 cannot be removed"
	if listens; then fail "it is gone, and listens"; fi
	reads $M/manual_node_up ''
	reads $C/lab/node/you/state offline
	rmdir $C/lab/node/you $C/lab || fail "the cluster cannot be removed"
}

stopped() {
	is_state peer/node/lender offline
}

for stage; do
	"$stage"
	echo "$stage"
done
