#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# ramster.sh - bring this machine's node of a RAMster cluster up and down.
#
# The cluster is described in one file, which is the same on all its machines.
# Each finds itself in it by its host name.  See --help for the format.
#
# Works with any POSIX shell and awk, busybox's included.

set -u

CONF=/etc/ramster.conf
SELF=$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)
WAIT=60
FORCE=
CONFIGFS=/sys/kernel/config
DEBUGFS=/sys/kernel/debug
MM=/sys/kernel/mm/ramster
REVISION=6

usage() {
	cat <<'USAGE'
usage: ramster.sh [options] start|stop|drain|status|check

  start    read the cluster file, bring this machine's node up; if it has a
           target, wait until that is connected and start to send pages to it
  drain    stop sending, and bring all pages home (swapoff, then swapon)
  stop     drain, then take the node down; refused while this node holds pages
           of others, which would lose them
  status   show the nodes and the pages each way
  check    read the cluster file and say what is wrong with it

  -c FILE  cluster file                   (/etc/ramster.conf)
  -n NAME  this machine's name in it      (what hostname prints)
  -w SECS  how long start waits for the target, and stop for its peers (60)
  -f       stop even if others lose pages by that: their processes that touch
           them get SIGBUS

The cluster file:

  cluster:
          name = ramster
          node_count = 2
          # optional, the same on all nodes:
          # idle_timeout_ms, keepalive_delay_ms, reconnect_delay_ms,
          # get_timeout_ms
  node:
          name = lean
          cluster = ramster
          number = 0
          ip_address = 192.0.2.1
          ip_port = 7777
          target = 1            # optional: send pages to node 1
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

# Prints the file as lines "cluster KEY VALUE" and "node NUMBER KEY VALUE", or
# says on stderr which line and field are wrong.
parse() {
	[ -r "$CONF" ] || die "$CONF: cannot be read"
	awk -v file="$CONF" '
	function bad(line, why) {
		printf "%s:%d: %s\n", file, line, why > "/dev/stderr"
		failed = 1
	}
	function number(line, key, value, low, high) {
		if (value !~ /^[0-9]+$/ || value + 0 < low || value + 0 > high)
			bad(line, key ": \"" value "\" is not a number from " \
			    low " to " high)
	}
	function need(line, what, have, key) {
		if (!(key in have))
			bad(line, what " has no field \"" key "\"")
	}
	function finish() {
		if (stanza != "node")
			return
		need(start, "this node", seen, "name")
		need(start, "this node", seen, "number")
		need(start, "this node", seen, "ip_address")
		need(start, "this node", seen, "ip_port")
		if (("number" in seen) && (seen["number"] in numbers))
			bad(start, "number " seen["number"] \
			    " is used by another node")
		if (("name" in seen) && (seen["name"] in names))
			bad(start, "name " seen["name"] \
			    " is used by another node")
		if (("cluster" in seen) && seen["cluster"] != cluster)
			bad(start, "cluster " seen["cluster"] \
			    " is not the cluster of this file, " cluster)
		if ("target" in seen)
			targets[seen["number"]] = seen["target"]
		numbers[seen["number"]] = start
		names[seen["name"]] = start
		nodes++
		for (key in seen)
			print "node", seen["number"], key, seen[key]
	}
	BEGIN {
		split("name node_count idle_timeout_ms keepalive_delay_ms " \
		      "reconnect_delay_ms get_timeout_ms", a)
		for (i in a) known["cluster", a[i]]
		split("name cluster number ip_address ip_port target " \
		      "capacity_mb", a)
		for (i in a) known["node", a[i]]
	}
	{ sub(/#.*/, ""); sub(/[ \t\r]+$/, ""); sub(/^[ \t]+/, "") }
	$0 == "" { next }
	/^(cluster|node):$/ {
		finish()
		stanza = substr($0, 1, length($0) - 1)
		start = NR
		split("", seen)
		if (stanza == "cluster" && clusters++)
			bad(NR, "a second cluster")
		next
	}
	{
		eq = index($0, "=")
		if (!eq) { bad(NR, "\"" $0 "\" is not KEY = VALUE"); next }
		key = substr($0, 1, eq - 1); sub(/[ \t]+$/, "", key)
		value = substr($0, eq + 1); sub(/^[ \t]+/, "", value)
		if (stanza == "") { bad(NR, "a field before cluster: or node:"); next }
		if (!((stanza, key) in known)) {
			bad(NR, "\"" key "\" is not a field of a " stanza); next
		}
		if (key in seen) { bad(NR, key " is given twice"); next }
		if (value == "") { bad(NR, key " has no value"); next }
		if (value ~ /[ \t\/]/) { bad(NR, key ": \"" value "\" has a blank or a slash"); next }
		seen[key] = value
		if (key == "number" || key == "target") number(NR, key, value, 0, 254)
		if (key == "ip_port") number(NR, key, value, 1, 65534)
		if (key == "node_count") number(NR, key, value, 1, 255)
		if (key ~ /_ms$|_mb$/) number(NR, key, value, 0, 4294967294)
		if (key == "target") where[NR] = value
		if (stanza == "cluster") {
			print "cluster", key, value
			if (key == "name") cluster = value
			if (key == "node_count") count = value
		}
	}
	END {
		finish()
		if (!clusters) bad(NR, "no cluster: stanza")
		if (cluster == "") bad(NR, "the cluster has no name")
		if (count != "" && count != nodes + 0)
			bad(NR, "node_count is " count ", but there are " nodes + 0 " nodes")
		for (line in where)
			if (!(where[line] in numbers))
				bad(line, "target: there is no node " where[line])
		exit failed
	}' "$CONF"
}

load() {
	PARSED=$(parse) || exit 1
	CLUSTER=$(echo "$PARSED" | awk '$1 == "cluster" && $2 == "name" { print $3 }')
	SELFNUM=$(echo "$PARSED" |
		awk -v me="$SELF" '$1 == "node" && $3 == "name" && $4 == me { print $2 }')
}

need_self() {
	[ -n "$SELFNUM" ] || die "$CONF: no node is named \"$SELF\", which is this machine's name (use -n NAME)"
}

field() { # NUMBER KEY
	echo "$PARSED" | awk -v n="$1" -v k="$2" '$1 == "node" && $2 == n && $3 == k { print $4 }'
}

numbers() { echo "$PARSED" | awk '$1 == "node" && $3 == "number" { print $2 }' | sort -n; }

# Writes a value, and on failure says where, what, and what the kernel said.
put() { # VALUE FILE
	echo "$1" 2>/dev/null >"$2" && return 0
	say "cannot write \"$1\" to $2" >&2
	dmesg 2>/dev/null | grep -E 'ramster|zcache' | tail -n 2 | sed 's/^/  kernel: /' >&2
	return 1
}

prepare() {
	modprobe ramster 2>/dev/null
	[ -d $CONFIGFS/ramster ] || mount -t configfs none $CONFIGFS 2>/dev/null
	[ -d $DEBUGFS/ramster ] || mount -t debugfs none $DEBUGFS 2>/dev/null
	[ -d $CONFIGFS/ramster ] ||
		die "this kernel runs no ramster: boot with \"ramster\" on its command line, or load the module"
	rev=$(cat $MM/interface_revision 2>/dev/null)
	[ "$rev" = $REVISION ] ||
		die "the kernel's interface revision is \"$rev\", this tool's is $REVISION"
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

cluster_field() { # KEY
	echo "$PARSED" | awk -v k="$1" '$1 == "cluster" && $2 == k { print $3 }'
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

make_cluster() {
	dir=$CONFIGFS/ramster/$CLUSTER
	mkdir "$dir" || return 1
	for key in $(timeouts_in_order "$dir") reconnect_delay_ms get_timeout_ms; do
		value=$(cluster_field "$key")
		[ -z "$value" ] || put "$value" "$dir/$key" || return 1
	done
	value=$(field "$SELFNUM" capacity_mb)
	[ -z "$value" ] || put "$value" "$dir/capacity_mb" || return 1
	for num in $(numbers); do
		make_node "$num" || return 1
	done
	put 1 "$dir/node/$(field "$SELFNUM" name)/local"
}

# The local node first: that stops the cluster, with all its connections.
remove_cluster() {
	dir=$CONFIGFS/ramster/$CLUSTER
	for node in "$dir"/node/*/; do
		[ "$(cat "$node/local" 2>/dev/null)" = 1 ] && rmdir "$node"
	done
	for node in "$dir"/node/*/; do
		[ -d "$node" ] && rmdir "$node"
	done
	[ -d "$dir" ] && rmdir "$dir"
}

start_sending() { # TARGET
	tries=0
	until echo "$1" 2>/dev/null >$MM/remote_target_nodenum; do
		tries=$((tries + 1))
		[ $tries -le "$WAIT" ] ||
			die "node $1 did not connect within $WAIT seconds; the node is up, but sends nothing"
		sleep 1
	done
	put 1 $MM/pers_remotify_enable || exit 1
	say "sending pages to node $1 ($(field "$1" name))"
}

do_start() {
	load
	need_self
	prepare
	[ ! -d "$CONFIGFS/ramster/$CLUSTER" ] || die "cluster $CLUSTER is started already"
	if ! make_cluster; then
		remove_cluster
		die "cluster $CLUSTER was not started"
	fi
	say "node $SELFNUM ($SELF) of cluster $CLUSTER is up"
	target=$(field "$SELFNUM" target)
	[ -z "$target" ] || start_sending "$target"
}

held_remote() { cat $MM/remote_pers_pages 2>/dev/null || echo 0; }

in_flight() { cat $DEBUGFS/ramster/remote_sending 2>/dev/null || echo 0; }

# A page that is on its way when sending ends may still become a peer's.
stop_sending() {
	[ ! -w $MM/pers_remotify_enable ] || echo 0 2>/dev/null >$MM/pers_remotify_enable
	tries=0
	while [ "$(in_flight)" -gt 0 ]; do
		tries=$((tries + 1))
		[ $tries -le "$WAIT" ] ||
			die "$(in_flight) pages are still on their way to a peer after $WAIT seconds; try again"
		sleep 1
	done
}

# /proc/swaps has \040 for a blank, and the like.
unescape() {
	printf '%b' "$(printf '%s\n' "$1" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')"
}

# All swap areas off and on again; says what went wrong.
swap_cycle() {
	tail -n +2 /proc/swaps | while read -r area type size used prio; do
		: "$type" "$size" "$used"
		area=$(unescape "$area")
		if ! swapoff "$area"; then
			say "$area cannot be turned off: not enough RAM for what comes home?" >&2
			exit 1
		fi
		if [ "$prio" -ge 0 ]; then
			swapon -p "$prio" "$area"
		else
			swapon "$area"
		fi && continue
		say "$area is off now, and cannot be turned on again" >&2
		exit 1
	done
}

do_drain() {
	stop_sending
	[ "$(held_remote)" -gt 0 ] || return 0
	say "bringing $(held_remote) pages home"
	swap_cycle || die "$(held_remote) pages are still with peers"
	[ "$(held_remote)" -eq 0 ] || die "$(held_remote) pages are still with peers"
}

lent() { cat $DEBUGFS/ramster/foreign_pers_pages 2>/dev/null || echo 0; }

# Going down destroys the pages of others.  They may be taking them away just
# now: wait as long as they become fewer.
refuse_if_lending() {
	[ -z "$FORCE" ] || return 0
	before=
	while held=$(lent) && [ "$held" -gt 0 ]; do
		[ -z "$before" ] || [ "$held" -lt "$before" ] ||
			die "this node holds $held pages of other nodes, which would be lost: run \"ramster.sh drain\" there first, or here \"ramster.sh -f stop\""
		before=$held
		sleep 1
	done
}

# Peers are told in the background what they need not keep any more.
settle() {
	tries=0
	while [ "$(cat $DEBUGFS/ramster/remote_debts 2>/dev/null || echo 0)" -gt 0 ]; do
		tries=$((tries + 1))
		if [ $tries -gt "$WAIT" ]; then
			say "a peer could not be told to forget pages; it will when this node comes back"
			return
		fi
		sleep 1
	done
}

do_stop() {
	load
	[ -d "$CONFIGFS/ramster/$CLUSTER" ] || die "cluster $CLUSTER is not started"
	[ -d $DEBUGFS/ramster ] || mount -t debugfs none $DEBUGFS 2>/dev/null
	refuse_if_lending
	do_drain
	settle
	remove_cluster || die "cluster $CLUSTER was not removed"
	say "cluster $CLUSTER is down"
}

counter() { cat "$DEBUGFS/ramster/$1" 2>/dev/null || echo -; }

do_status() {
	load
	if [ ! -d "$CONFIGFS/ramster/$CLUSTER" ]; then
		say "cluster $CLUSTER: Offline"
		exit 3
	fi
	say "cluster $CLUSTER: Online"
	printf '%4s %-16s %-24s %-6s %12s %12s\n' node name address state "sent KiB" "rcvd KiB"
	for num in $(numbers); do
		printf '%4s %-16s %-24s ' "$num" "$(field "$num" name)" \
			"$(field "$num" ip_address):$(field "$num" ip_port)"
		if [ "$num" = "$SELFNUM" ]; then
			printf '%-6s\n' local
			continue
		fi
		awk -v n="$num" '$1 == n { printf "%-6s %12d %12d\n", $2, $4 / 1024, $5 / 1024; f = 1 }
			END { if (!f) print "?" }' $DEBUGFS/ramster/peers
	done
	echo
	printf '%-34s %12s\n' \
		"target" "$(cat $MM/remote_target_nodenum)" \
		"pages with peers" "$(held_remote)" \
		"pages sent" "$(counter pers_pages_remoted)" \
		"pages fetched back" "$(counter remote_pers_pages_succ_get)" \
		"pages lost" "$(counter remote_pers_pages_unsucc_get)" \
		"pages of peers held here" "$(counter foreign_pers_pages)" \
		"frames they take" "$(counter foreign_pers_pageframes)"
}

while getopts c:n:w:fh opt; do
	case $opt in
	c) CONF=$OPTARG ;;
	n) SELF=$OPTARG ;;
	w) WAIT=$OPTARG ;;
	f) FORCE=1 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))

case ${1:-} in
start) do_start ;;
stop) do_stop ;;
drain) do_drain ;;
status) do_status ;;
check) load; say "$CONF: cluster $CLUSTER, $(numbers | wc -l) nodes, no errors" ;;
--help | help) usage ;;
*) usage >&2; exit 2 ;;
esac
