#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of ramster.sh that need no kernel: what it reads, writes and prints, in
# a directory that stands for /.  With each shell and awk that it promises to
# work with.
#
#	tools/testing/host/tools.sh NAME...	conf, configure, status, nodes, revision
#
# Silent when all is well.
set -u -o pipefail
cd "$(dirname "$0")/../../.." || exit 1

RAMSTER_ROOT=$(mktemp -d)
export RAMSTER_ROOT
trap 'rm -rf "$RAMSTER_ROOT" "$RAMSTER_ROOT.bin"' EXIT
CONF=$RAMSTER_ROOT/etc/ramster.conf
failures=0

failed() {
	printf '%s: %s\n' "$SHELL_NAME" "$1"
	[ -z "${2:-}" ] || printf '    %s\n' "${2//$'\n'/$'\n'    }"
	failures=$((failures + 1))
}

# tool ARGS...: run it with this shell; leaves OUT (both streams) and STATUS.
tool() {
	STATUS=0
	OUT=$("${SHELL_COMMAND[@]}" tools/ramster.sh -n lean "$@" 2>&1) || STATUS=$?
}

# status_is N WHAT, says TEXT, not_says TEXT: about the last run.
status_is() { [ "$STATUS" = "$1" ] || failed "$2: status $STATUS, not $1" "$OUT"; }
says() { [[ $OUT == *"$1"* ]] || failed "does not say: $1" "$OUT"; }

# --- the cluster file --------------------------------------------------------

good_conf() {
	cat <<'END'
cluster:
	name = demo
	node_count = 2
	idle_timeout_ms = 5000
node:
	name = lean
	cluster = demo
	number = 0
	ip_address = 192.0.2.1
	ip_port = 7777
	target = 1
node:
	name = roomy
	cluster = demo
	number = 1
	ip_address = 2001:db8::2	# of the other family
	ip_port = 7777
	capacity_mb = 512
END
}

# wrong LINE EDIT FIELD TEXT: with this edit (of sed) the file has an error; it is
# said on which line, in which field and what.  Nothing but that is said.
wrong() {
	good_conf | sed "$2" >"$CONF"
	tool check
	status_is 1 "$2"
	says "$CONF:$1: "
	says "$3"
	says "$4"
	[ "$(wc -l <<<"$OUT")" = 1 ] || failed "$2: more is said than is wrong" "$OUT"
}

# Each kind of error in a cluster file is named with its line and its field.
test_conf() {
	good_conf >"$CONF"
	tool check
	status_is 0 "a good file"
	says "cluster demo, 2 nodes, no errors"
	wrong 2 '2s/demo/a\/b/; /cluster =/d' name '"a/b"'
	wrong 2 "2s/demo/$(printf 'n%.0s' {1..64})/; /cluster =/d" name "too long"
	wrong 3 '3s/2/3/' node_count "there are 2 nodes"
	wrong 3 '3s/2/two/' node_count '"two" is not a number'
	wrong 4 '4s/5000/0/' idle_timeout_ms "not a number from 1 to 4294967294"
	wrong 4 '4s/5000/4294967295/' idle_timeout_ms "not a number"
	wrong 4 '4s/5000/2000/' idle_timeout_ms "larger than keepalive_delay_ms"
	wrong 4 '4s/.*/dead_threshold = 2/' dead_threshold "not a number from 3"
	wrong 4 '4s/.*/heartbeat_mode = disk/' heartbeat_mode '"disk" is none of local, global'
	wrong 4 '4s/.*/colour = red/' colour "not a field of a cluster"
	wrong 4 '4s/=.*/=/' idle_timeout_ms "no value"
	wrong 4 '4s/=//' idle_timeout_ms "not KEY = VALUE"
	wrong 4 '4s/.*/name = demo/' name "given twice"
	wrong 5 '/name = lean/d; 5s/node/node/' name "no field"
	wrong 5 '/number = 0/d' number "no field"
	wrong 5 '/192.0.2.1/d' ip_address "no field"
	wrong 12 '16,17d; $a ip_address = 192.0.2.2' ip_port "no field"
	wrong 7 '7s/demo/other/' cluster "not the cluster of this file"
	wrong 8 '8s/0/255/' number '"255" is not a number from 0 to 254'
	wrong 8 '8s/0/-1/' number '"-1" is not a number'
	wrong 9 '9s/192/256/' ip_address "neither an IPv4 nor an IPv6"
	wrong 9 '9s/192.0.2.1/192.0.2/' ip_address "neither an IPv4 nor an IPv6"
	wrong 9 '9s/192.0.2.1/192.0.2.1x/' ip_address "neither an IPv4 nor an IPv6"
	wrong 9 '9s/192.0.2.1/224.0.0.1/' ip_address "multicast"
	wrong 9 '9s/192.0.2.1/0.0.0.0/' ip_address "no address of one machine"
	wrong 9 '9s/192.0.2.1/1:2:3/' ip_address "not an IPv6 address"
	wrong 9 '9s/192.0.2.1/1::2::3/' ip_address "not an IPv6 address"
	wrong 9 '9s/192.0.2.1/ff02::1/' ip_address "multicast"
	wrong 9 '9s/192.0.2.1/fe80::1%eth0/' ip_address "zone"
	wrong 10 '10s/7777/0/' ip_port '"0" is not a number from 1 to 65534'
	wrong 10 '10s/7777/65535/' ip_port '"65535" is not a number'
	wrong 11 '11s/1/0/' target "cannot send to itself"
	wrong 11 '11s/1/7/' target "no node 7"
	wrong 11 '11s/1/anybody/' target '"anybody" is not a number from 0 to 254'
	wrong 4 '4s/.*/copies = 3/' copies '"3" is not a number from 1 to 2'
	wrong 11 '11s/.*/send = all/' send '"all" is none of swap, cache, both'
	wrong 13 '13s/roomy/lean/' name "line 5"
	wrong 14 '15s/1/0/; 11d' number "line 5"
	wrong 16 '16s/2001[^ \t]*/192.0.2.1/' ip_address "line 5"
	wrong 18 '18s/512/much/' capacity_mb '"much" is not a number'
	wrong 1 '1s/cluster/zoo/' zoo "neither cluster: nor node:"
	rm -f "$CONF"
	tool check
	status_is 1 "no file"
	says "$CONF: cannot be read"
	good_conf >"$CONF"
	tool -n other start
	status_is 1 "a machine that is not in the file"
	says 'no node is named "other"'
	for addr in ::1 1:2:3:4:5:6:7:8 fd00::192.0.2.1 2001:DB8:: 10.0.0.255; do
		good_conf | sed "9s/192.0.2.1/$addr/" >"$CONF"
		tool check
		status_is 0 "$addr"
	done
}

# --- configure ---------------------------------------------------------------

# configure writes what check finds no fault with, keeps what it was not told to
# change, and never replaces a file by a wrong one.
test_configure() {
	rm -f "$CONF" "$CONF.old"
	tool configure --cluster demo --idle-timeout 5000 --dead-threshold 500 \
		--node name=lean,ip_address=192.0.2.1,target=1 \
		--node name=roomy,ip_address=2001:db8::2,ip_port=7000,capacity_mb=512
	status_is 0 "configure"
	tool check
	status_is 0 "what configure wrote"
	tool -n roomy configure --get-timeout 3000 --node name=roomy,ip_address=192.0.2.2 \
		--node name=lean,target=
	status_is 0 "configure, changes"
	tr -d '\t' <"$CONF" | cmp -s - <(cat <<-'END'
	# Cluster file of RAMster: the same on all its machines.
	# Written by ramster.sh configure, which keeps no comments.
	cluster:
		name = demo
		node_count = 2
		idle_timeout_ms = 5000
		get_timeout_ms = 3000
		dead_threshold = 500
	node:
		name = lean
		number = 0
		ip_address = 192.0.2.1
		ip_port = 7777
	node:
		name = roomy
		number = 1
		ip_address = 192.0.2.2
		ip_port = 7000
		capacity_mb = 512
	END
	) || failed "wrote" "$(cat "$CONF")"
	[ -s "$CONF.old" ] || failed "the file of before is not kept"
	cp "$CONF" "$CONF.before"
	tool configure --node name=third,ip_address=1.2.3
	status_is 1 "a wrong address"
	says ip_address
	says "nothing was written"
	tool configure --node name=third,ip_address=192.0.2.3,colour=red
	status_is 1 "a field that does not exist"
	says '"colour" is not a field of a node'
	tool configure --remove-node nobody
	status_is 1 "a node that does not exist"
	tool configure --speed 3
	status_is 1 "an option that does not exist"
	tool configure --cluster
	status_is 1 "an option without its value"
	tool configure --on-boot perhaps
	status_is 1 "neither yes nor no"
	cmp -s "$CONF" "$CONF.before" || failed "a refused change changed the file"
	tool configure --remove-node roomy --show
	status_is 0 "--show"
	says "node_count = 1"
	cmp -s "$CONF" "$CONF.before" || failed "--show changed the file"
	tool configure --on-boot no
	status_is 0 "--on-boot"
	cmp -s "$CONF" "$CONF.before" || failed "--on-boot changed the file"
	tool -b start
	status_is 0 "start at boot"
	says "not to be started at boot"
	echo "node" >"$CONF"
	tool configure --cluster other
	status_is 1 "an unreadable file"
	says "$CONF:1: "
	tool configure --new --cluster other --node name=lean,ip_address=192.0.2.1
	status_is 0 "--new"
	rm -f "$CONF"
	# asked: name, six numbers, a node with five answers, no other node, boot
	tool configure -i <<-'END'
	asked
	9000





	lean

	192.0.2.7



	
	yes
	END
	status_is 0 "asked"
	[ "$(grep -cE '^.(name = asked|idle_timeout_ms = 9000|ip_address = 192.0.2.7)$' "$CONF")" = 3 ] ||
		failed "answers are not in the file" "$(cat "$CONF")"
	grep -qx ON_BOOT=yes "$RAMSTER_ROOT/etc/default/ramster" || failed "no ON_BOOT"
	rm -f "$CONF" "$CONF".*
}

# --- status, top -------------------------------------------------------------

sys() { # FILE below /sys/kernel, from standard input
	mkdir -p "$(dirname "$RAMSTER_ROOT/sys/kernel/$1")"
	cat >"$RAMSTER_ROOT/sys/new"
	mv "$RAMSTER_ROOT/sys/new" "$RAMSTER_ROOT/sys/kernel/$1"
}

# What the kernel shows, of a client that has sent 1000 pages.
fake_sys() {
	rm -rf "$RAMSTER_ROOT/sys"
	mkdir -p "$RAMSTER_ROOT/sys/kernel/config/ramster/demo"
	sys mm/ramster/interface_revision <<<"$(sed -n 's/^#define INTERFACE_REVISION[ \t]*//p' ramster/sysfs.c)"
	sys mm/ramster/remote_target_nodenum <<<1
	sys mm/ramster/pers_remotify_enable <<<1
	sys mm/ramster/remote_pers_pages <<<900
	sys mm/ramster/foreign_pers_pages <<<7
	sys mm/ramster/remote_sending <<<0
	sys mm/ramster/remote_debts <<<0
	sys debug/ramster/foreign_pers_pageframes <<<4
	sys debug/ramster/recalled_wanted <<<0
	peers 1000 100 250000
}

peers() { # SENT FETCHED US [RECALL]
	sys debug/ramster/peers <<END
node state connects tx_bytes rx_bytes bad_frames timeouts pages_sent pages_fetched pages_taken pages_returned fetch_us fetch_max_us silent_ms room_pages capacity_pages recall_pages
1 up 1 2097152 1048576 0 0 $1 $2 8 1 $3 12200 40 262144 524288 ${4:-0}
END
}

test_status() {
	good_conf >"$CONF"
	fake_sys
	tool status
	status_is 0 status
	says "cluster demo: Online, this is node 0 (lean)"
	grep -qE '^ +0 lean +local' <<<"$OUT" || failed "no line for this node" "$OUT"
	grep -qE '^ +1 roomy +up +1000 +100 +8 +1 +2\.0 +1\.0 +2\.50 +12\.20$' <<<"$OUT" ||
		failed "no line for the peer" "$OUT"
	grep -qE 'sent to node +1 \(roomy\) +sending: swap, which has room for 1024 MiB$' <<<"$OUT" ||
		failed "no line for the target" "$OUT"
	# Design rule 3: whether pages have another copy.
	grep -qE 'swap pages with peers +900 +the only copy' <<<"$OUT" ||
		failed "does not say that there is one copy" "$OUT"
	grep -qE 'swap pages of peers held here +7 +in 4 frames' <<<"$OUT" ||
		failed "no line for what is held" "$OUT"
	[ "$(wc -L <<<"$OUT")" -le 110 ] || failed "wider than 110 columns" "$OUT"
	# What is wanted back is shown if it is anything.
	! grep -q 'want' <<<"$OUT" || failed "nothing is wanted back" "$OUT"
	sys debug/ramster/recalled_wanted <<<55
	peers 1000 100 250000 66
	tool status
	grep -qE 'frames wanted back of peers +55 ' <<<"$OUT" ||
		failed "no line for what this node wants back" "$OUT"
	grep -qE 'frames that peers want back +66 ' <<<"$OUT" ||
		failed "no line for what peers want back" "$OUT"
	[ "$(wc -L <<<"$OUT")" -le 110 ] || failed "wider than 110 columns" "$OUT"

	# with copies: how many pages have but one
	sys config/ramster/demo/copies <<<2
	sys mm/ramster/remote_target_nodenum <<<any
	while read -r risk text; do
		sys mm/ramster/remote_pages_at_risk <<<"$risk"
		tool status
		grep -qE "swap pages with peers +900 +$text\$" <<<"$OUT" ||
			failed "$risk pages at risk" "$OUT"
	done <<-'END'
	0 each with two peers
	900 the only copy: lost if that peer is
	17 of 17 the only copy: lost if that peer is
	END
	grep -qE 'sent to node +any +sending: swap, to whoever has room$' <<<"$OUT" ||
		failed "no line for any target" "$OUT"
	fake_sys

	# without debugfs there is less, and it says so
	mv "$RAMSTER_ROOT/sys/kernel/debug" "$RAMSTER_ROOT/sys/kernel/gone"
	sys config/ramster/demo/node/roomy/state <<<"down-by-hand: by an operator"
	tool status
	status_is 0 "status without debugfs"
	grep -qE '^ +1 roomy +down-by-hand$' <<<"$OUT" || failed "without debugfs: no state" "$OUT"
	says "no debugfs"
	grep -qE 'swap pages with peers +900 +the only copy' <<<"$OUT" ||
		failed "without debugfs: no count of pages" "$OUT"
	tool -r 1 top
	status_is 1 "top without debugfs"
	says "needs debugfs"
	mv "$RAMSTER_ROOT/sys/kernel/gone" "$RAMSTER_ROOT/sys/kernel/debug"

	# rates: after the first table 500 pages are sent, 10 come in 10 ms each
	: >"$RAMSTER_ROOT/top"
	(
		for _ in {1..200}; do
			! grep -q roomy "$RAMSTER_ROOT/top" || break
			sleep 0.1
		done
		peers 1500 110 350000
	) &
	STATUS=0
	"${SHELL_COMMAND[@]}" tools/ramster.sh -n lean -d 0.5 -r 3 top >"$RAMSTER_ROOT/top" 2>&1 || STATUS=$?
	wait
	OUT=$(<"$RAMSTER_ROOT/top")
	status_is 0 top
	[ "$(grep -c 'sent/s' <<<"$OUT")" = 3 ] || failed "top: not three tables" "$OUT"
	grep -qE '^ +1 roomy +up +[1-9][0-9]* +[1-9][0-9]* .* 10\.00 +12\.20$' <<<"$OUT" ||
		failed "top: no rates" "$OUT"
	grep -qE '^ +1 roomy +up +0 +0 .* - +12\.20$' <<<"$OUT" ||
		failed "top: rates while nothing happens" "$OUT"
	[[ $OUT != *$'\033'* ]] || failed "top: escape sequences, and no terminal" "$OUT"

	# on a terminal: in place, until q is pressed, and the terminal as before
	: >"$RAMSTER_ROOT/top"
	OUT=$( {
		for _ in {1..200}; do
			! grep -q 'q: end' "$RAMSTER_ROOT/top" || break
			sleep 0.1
		done
		printf q
		sleep 0.5
	} | timeout 60 script -qefc \
		"${SHELL_COMMAND[*]} tools/ramster.sh -n lean -d 0.3 top; echo ended \$?; stty -a" "$RAMSTER_ROOT/top")
	[[ $OUT == *$'\033[2J'*roomy*'(q: end)'* || $OUT == *$'\033[2J'*'(q: end)'*roomy* ]] ||
		failed "top: no table on a terminal" "$OUT"
	[[ $OUT == *"ended 0"*" icanon"*" echo "* ]] ||
		failed "top: q does not end it, or leaves the terminal odd" "$OUT"

	rm -r "$RAMSTER_ROOT/sys/kernel/config/ramster/demo"
	tool status
	status_is 3 "status of a node that is down"
	says "cluster demo: Offline"
	tool -d x top
	status_is 2 "a time that is none"
}

# --- nodes ---

# What is said of another node goes to the file for it, by name or number; of a
# node that is not there, or this machine, nothing is.
#
# Regression: 3.6.18, no way to mark a node down, unset the target, or purge.
test_nodes() {
	local mm=$RAMSTER_ROOT/sys/kernel/mm/ramster
	good_conf >"$CONF"
	fake_sys
	touch "$mm/manual_node_up" "$mm/manual_node_down"
	tool down roomy
	status_is 0 "down roomy"
	[ "$(cat "$mm/manual_node_down")" = 1 ] || failed "down: wrote $(cat "$mm/manual_node_down")"
	tool up 1
	status_is 0 "up 1"
	[ "$(cat "$mm/manual_node_up")" = 1 ] || failed "up: wrote $(cat "$mm/manual_node_up")"
	tool target none
	status_is 0 "target none"
	[ "$(cat "$mm/remote_target_nodenum")" = unset ] || failed "target none"
	echo 0 >"$mm/pers_remotify_enable"
	tool target any
	status_is 0 "target any"
	says "sending swap pages to whoever has room"
	[ "$(cat "$mm/remote_target_nodenum")" = any ] || failed "target any"

	tool target roomy
	status_is 0 "target roomy"
	[ "$(cat "$mm/remote_target_nodenum" "$mm/pers_remotify_enable" | tr '\n' ' ')" = "1 1 " ] ||
		failed "target roomy"
	: >"$mm/manual_node_down"
	for node in lean 0 7 nobody; do
		tool down $node
		status_is 1 "down $node"
		[ ! -s "$mm/manual_node_down" ] || failed "down $node wrote something"
	done
	tool down
	status_is 2 "down whom?"
	tool purge roomy
	status_is 1 "purge without -f"
	says "will be lost"
}

# --- revision ----------------------------------------------------------------

# A kernel whose files have another meaning is left alone, in each action.
test_revision() {
	local action own
	good_conf >"$CONF"
	fake_sys
	own=$(cat "$RAMSTER_ROOT/sys/kernel/mm/ramster/interface_revision")
	tool status
	status_is 0 "this kernel's own revision, $own"
	sys mm/ramster/interface_revision <<<5
	for action in start send status top drain stop; do
		tool -r 1 -w 1 $action
		status_is 1 "$action, another revision"
		says "interface revision is \"5\", this tool's is $own"
	done
	[ "$(cat "$RAMSTER_ROOT/sys/kernel/mm/ramster/pers_remotify_enable")" = 1 ] ||
		failed "changed something in spite of the revision"
	rm -r "$RAMSTER_ROOT/sys/kernel/mm/ramster"
	tool start
	status_is 1 "no ramster"
	says "this kernel runs no ramster"
}

mkdir -p "$RAMSTER_ROOT/etc" "$RAMSTER_ROOT/run" "$RAMSTER_ROOT.bin"
# busybox has an awk and all else of its own, which its shell does not prefer
for applet in awk sed grep sort wc tr cut tail head cat expr stty dd; do
	ln -sf "$(command -v busybox)" "$RAMSTER_ROOT.bin/$applet"
done
for SHELL_NAME in dash bash busybox; do
	case $SHELL_NAME in
	busybox) SHELL_COMMAND=(env "PATH=$RAMSTER_ROOT.bin:$PATH" busybox sh) ;;
	*) SHELL_COMMAND=("$SHELL_NAME") ;;
	esac
	for name in "$@"; do
		"test_$name"
	done
done
[ $failures = 0 ]
