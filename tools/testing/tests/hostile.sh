# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A peer that keeps no rule, at a server that another client is using:
#
#	 client, node 1  ----.
#	                      >---- server, node 0
#	 hostile, node 2 ----'
#
# Both are in one guest: the hostile one is a program, with an address of its
# own.  See ../hostile/main.c for what it does, and for what it expects.

# shellcheck source=tools/testing/tests/cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

hostile_conf() {
	cat <<END
cluster:
	name = test
	node_count = 3
	idle_timeout_ms = 4000
	keepalive_delay_ms = 1000
	reconnect_delay_ms = 300
	get_timeout_ms = 20000
node:
	name = server
	number = 0
	ip_address = 10.0.0.1
	ip_port = 7777
	capacity_mb = 100
node:
	name = client
	number = 1
	ip_address = 10.0.0.2
	ip_port = 7777
	target = 0
node:
	name = hostile
	number = 2
	ip_address = 10.0.0.3
	ip_port = 7777
END
}

# peer FIELD NODE: of the server's table of peers
peer() {
	on server "awk -v f=$1 'NR == 1 { for (i = 1; i <= NF; i++) if (\$i == f) c = i } \$1 == $2 { print \$c }' /sys/kernel/debug/ramster/peers"
}

hostile() {
	on client hostile -n 2 -p 0 10.0.0.3 10.0.0.1 7777 "$@"
}

# Every malformed frame closes the connection that it came on, is counted and
# logged, and is nothing to anybody else: the other client's pages come back as
# they were, over the connection that it had all the time. What is well-formed
# but refused closes nothing.
#
# Regression: 3.2.2, 3.2.9, 3.5.3, 3.5.4, 3.5.5, 3.5.6, 3.5.7.
test_hostile_peer() {
	local load before breaches connects lines

	every_checker
	boot_start server --mem 400 --ip 10.0.0.1 --append ramster
	boot_start client --mem 256 --ip 10.0.0.2 --swap 256 --append ramster
	boot_wait server client
	# and one that is of no node
	on client 'ip addr add 10.0.0.3/24 dev eth0; ip addr add 10.0.0.4/24 dev eth0'
	hostile_conf | put_file server /etc/ramster.conf
	hostile_conf | put_file client /etc/ramster.conf
	on server ramster.sh start
	on client ramster.sh -w 60 start
	load=$(load_start 8 --threads 2)
	all_away
	at_least server ramster/foreign_pers_pages 1300
	connects=$(peer connects 1)

	# one breach: one more in the counter, one line
	hostile magic | grep -q 'breaches 1' || fail "a wrong magic was taken"
	lines=$(on server 'dmesg | grep -c "node 2 .*closing the connection"')
	[ "$lines" = 1 ] || fail "one bad frame gave $lines lines in the log"
	before=$(peer bad_frames 2)
	[ "$before" = 1 ] || fail "one bad frame was counted as $before"

	tell client "$load" rewrite
	ON_TIMEOUT=300 hostile >"$RUN/hostile" || {
		grep '^not so' "$RUN/hostile"
		fail "hostile got what it should not"
	}
	breaches=$(sed -n 's/^breaches //p' "$RUN/hostile")
	note "$(grep -c '^closed' "$RUN/hostile") closed, $(grep -c '^answered' "$RUN/hostile") answered, $breaches of them breaches"
	[ "$breaches" -ge 70 ] || fail "only $breaches breaches"
	[ "$(peer bad_frames 2)" = $((before + breaches)) ] ||
		fail "$(peer bad_frames 2) bad frames, not $((before + breaches))"
	on server 'dmesg | grep -q "refused a connection from 10.0.0.4"'
	on server 'dmesg | grep -q "node 2 .* refused: it speaks protocol version"'

	stage "$load" pageout >/dev/null
	clean "$(output client "$load" | grep '^stage rewrite:' | tail -n 1)"
	clean "$(stage "$load" read)"
	[ "$(peer connects 1)" = "$connects" ] ||
		fail "the other client lost its connection"
	[ "$(peer bad_frames 1)" = 0 ] || fail "the other client broke a rule"
	exactly client ramster/remote_pers_pages_unsucc_get 0
	load_end "$load"
	finish
}
