# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# up, down, target, purge: what an operator says of other nodes.  Part of
# ramster.sh.

# Sets NUM to the number of a node that is given by name or number, and is not
# this machine's.
other_node() {
	load
	need_self
	check_revision
	online || exit
	NUM=$(number_of "$1")
	[ -n "$NUM" ] || [ -z "$(field "$1" name)" ] || NUM=$1
	[ -n "$NUM" ] || die "$CONF: there is no node \"$1\""
	[ "$NUM" != "$SELFNUM" ] || die "node $NUM is this machine"
}

do_up() { # NODE
	other_node "$1"
	put "$NUM" "$MM/manual_node_up" || exit 1
	say "node $NUM ($(field "$NUM" name)) is declared up"
}

do_down() { # NODE
	other_node "$1"
	put "$NUM" "$MM/manual_node_down" || exit 1
	say "node $NUM ($(field "$NUM" name)) is declared down"
}

do_target() { # NODE|any|none
	if [ "$1" = none ]; then
		load
		check_revision
		online || exit
		put unset "$MM/remote_target_nodenum" || exit 1
		say "pages are sent to no node; what is away stays there"
		return
	fi
	if [ "$1" = any ]; then
		load
		need_self
		check_revision
		online || exit
		start_sending any
		return
	fi
	other_node "$1"
	start_sending "$NUM"
}

# Its directory goes, and with it its connection and what it has here.
do_purge() { # NODE
	other_node "$1"
	name=$(field "$NUM" name)
	[ -n "$FORCE" ] ||
		die "purge: the pages that $name has here will be lost, and those that it holds for this machine; if it is gone for good, say \"ramster.sh -f purge $name\""
	[ "$(cat "$MM/remote_target_nodenum")" != "$NUM" ] ||
		put unset "$MM/remote_target_nodenum" || exit 1
	rmdir "$CONFIGFS/ramster/$CLUSTER/node/$name" || die "purge: node $name was not removed"
	make_node "$NUM" || die "purge: node $name is removed, and cannot be added again"
	say "nothing of node $NUM ($name) is here any more"
}
