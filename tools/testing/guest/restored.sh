#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# restored.sh SECS PEERS [NODE CONNECTS]: wait until so many peers are heard from,
# NODE was connected more often than that, and no page is short of a copy; prints
# for how many seconds.  Or
#
# restored.sh connects NODE: print how often it was connected.

. /tests/lib.sh

PEERS=$D/ramster/peers
RISK=/sys/kernel/mm/ramster/remote_pages_at_risk
# A ping is answered every two seconds; one may be late.
HEARD_MS=5000

# column NAME: sets $column to its number in the table of peers.
column() {
	local name at=0

	read -r line <"$PEERS"
	for name in $line; do
		at=$((at + 1))
		if [ "$name" = "$1" ]; then
			column=$at
			return
		fi
	done
	fail "the table of peers has no $1: $line"
}

connects() { # NODE
	column connects
	awk -v node="$1" -v c="$column" '$1 == node { print $c }' "$PEERS"
}

peers_are_back() {
	awk -v node="$node" -v before="$before" -v c="$connects_at" \
	    -v heard="$heard_at" -v peers="$peers" -v ms=$HEARD_MS '
	NR > 1 && $2 == "up" && $heard <= ms && ($1 != node || $c > before) { n++ }
	END { exit n != peers }' "$PEERS"
}

all_well() {
	peers_are_back || return
	read -r risk <$RISK
	[ "$risk" = 0 ]
}

# A new connection is counted a moment before it is known what that peer has lost.
is_restored() {
	all_well && sleep 0.3 && all_well
}

if [ "$1" = connects ]; then
	connects "$2"
	exit
fi
secs=$1 peers=$2 node=${3:-} before=${4:-0}
column connects
connects_at=$column
column silent_ms
heard_at=$column
begin=$(uptime_s)
wait_until "$secs" is_restored || {
	cat "$PEERS"
	fail "not restored within $secs s: $(cat $RISK) pages at risk"
}
echo $(($(uptime_s) - begin))
