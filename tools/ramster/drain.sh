# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# drain and stop: what has to happen before a node may go.  Part of ramster.sh.

held_remote() { cat "$MM"/remote_pers_pages 2>/dev/null || echo 0; }

in_flight() { cat "$MM"/remote_sending 2>/dev/null || echo 0; }

# A page that is on its way when sending ends may still become a peer's.
stop_sending() {
	for kind in eph pers; do
		[ ! -w "$MM"/${kind}_remotify_enable ] ||
			echo 0 2>/dev/null >"$MM"/${kind}_remotify_enable
	done
	tries=0
	while [ "$(in_flight)" -gt 0 ]; do
		tries=$((tries + 1))
		[ $tries -le "$WAIT" ] || [ "$WAIT" = 0 ] ||
			die "$(in_flight) pages are still on their way to a peer after $WAIT seconds; try again"
		sleep 1
	done
}

# From now on this node takes no page of a peer.
refuse_new() {
	lends=$(cat "$CONFIGFS/ramster/$CLUSTER/capacity_mb")
	put 0 "$CONFIGFS/ramster/$CLUSTER/capacity_mb" || exit 1
}

# /proc/swaps has \040 for a blank, and the like.
unescape() {
	printf '%b' "$(printf '%s\n' "$1" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')"
}

swap_on() { # AREA PRIORITY
	if [ "$2" -ge 0 ]; then
		swapon -p "$2" "$1"
	else
		swapon "$1"
	fi && return
	say "$1 is off now, and cannot be turned on again" >&2
	return 1
}

# All swap areas, but the spare one, off and on again.
swap_cycle() {
	tail -n +2 /proc/swaps | while read -r area type size used prio; do
		: "$type" "$size" "$used"
		area=$(unescape "$area")
		[ "$area" != "$SPARE" ] || continue
		if ! swapoff "$area"; then
			say "$area cannot be turned off: not enough RAM for what comes home, or a control group has reached its limit? (-s AREA lends room on a disk)" >&2
			exit 1
		fi
		swap_on "$area" "$prio" || exit 1
	done
}

ZCACHE_SHARE=/sys/module/zcache/parameters/max_pool_percent

# With a spare area: what comes home and finds no room in RAM goes to the disk,
# and not into the store, from where it came.
to_disk() { # COMMAND...
	share=$(cat $ZCACHE_SHARE)
	echo 0 >$ZCACHE_SHARE || die "cannot keep pages from the store"
	trap 'echo "$share" >$ZCACHE_SHARE' EXIT
	swapon "$SPARE" || die "$SPARE cannot be used for swap"
	"$@"
	status=$?
	# the area that was emptied takes what the spare one has
	swapoff "$SPARE" || {
		say "$SPARE stays in use" >&2
		status=1
	}
	echo "$share" >$ZCACHE_SHARE
	trap - EXIT
	return $status
}

bring_home() {
	[ "$(held_remote)" -gt 0 ] || return 0
	say "bringing $(held_remote) pages home"
	if [ -n "$SPARE" ]; then
		to_disk swap_cycle
	else
		swap_cycle
	fi || die "$(held_remote) pages are still with peers"
	[ "$(held_remote)" -eq 0 ] || die "$(held_remote) pages are still with peers"
}

do_drain() {
	load
	check_revision
	online || exit
	stop_sending
	refuse_new
	[ "$lends" = 0 ] || echo "$lends" >"$DRAINED"
	bring_home
	held=$(lent)
	if [ "$held" = 0 ]; then
		say "drained; \"ramster.sh start\" ends that"
	else
		say "drained, and takes nothing new, but holds $held pages of other nodes, which may be leaving: else drain those"
	fi
}

lent() { cat "$MM"/foreign_pers_pages 2>/dev/null || echo 0; }

# Going down destroys the pages of others.  As this node lends nothing any more,
# they take them away if they can: wait as long as they become fewer.
refuse_if_lending() {
	[ -z "$FORCE" ] || return 0
	before=
	tries=0
	while held=$(lent) && [ "$held" -gt 0 ]; do
		[ -z "$before" ] || [ "$held" -lt "$before" ] || tries=$((tries + 1))
		[ $tries -lt 3 ] || {
			put "$lends" "$CONFIGFS/ramster/$CLUSTER/capacity_mb"
			die "this node holds $held pages of other nodes, which would be lost: run \"ramster.sh drain\" there first, or here \"ramster.sh -f stop\""
		}
		before=$held
		sleep 1
	done
}

# Peers are told in the background what they need not keep any more.
settle() {
	tries=0
	while [ "$(cat "$MM"/remote_debts 2>/dev/null || echo 0)" -gt 0 ]; do
		tries=$((tries + 1))
		if [ $tries -gt "$WAIT" ] && [ "$WAIT" != 0 ]; then
			say "a peer could not be told to forget pages; it will when this node comes back"
			return
		fi
		sleep 1
	done
}

# The target's directory is in use as long as it is one.  The local node first:
# that stops the cluster, with all its connections.
remove_cluster() {
	dir=$CONFIGFS/ramster/$CLUSTER
	[ "$(cat "$MM/remote_target_nodenum" 2>/dev/null)" = unset ] ||
		echo unset 2>/dev/null >"$MM/remote_target_nodenum"
	for node in "$dir"/node/*/; do
		[ "$(cat "$node/local" 2>/dev/null)" = 1 ] && rmdir "$node"
	done
	for node in "$dir"/node/*/; do
		[ -d "$node" ] && rmdir "$node"
	done
	[ -d "$dir" ] && rmdir "$dir"
}

do_stop() {
	load
	check_revision
	[ -d "$CONFIGFS/ramster/$CLUSTER" ] || die "cluster $CLUSTER is not started"
	refuse_new
	refuse_if_lending
	stop_sending
	bring_home
	settle
	rm -f "$DRAINED"
	remove_cluster || die "cluster $CLUSTER was not removed"
	say "cluster $CLUSTER is down"
}
