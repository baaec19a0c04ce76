# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What an operator does and sees: the how-to, typed by a machine; ramster.sh on
# real kernels.  What of it needs no kernel is tested in tools/testing/host.

. tools/testing/tests/cluster.sh

# What pageload locks, its books and stacks; more than that is for its pages.
LOCKED_MB=18

# howto_blocks DIR: the commands of the how-to as DIR/NN.sh, with what its notes say
# of them in DIR/NN.run and DIR/NN.expect.  Commands without a note: false.
howto_blocks() {
	awk -v dir="$1" '
	function close_block() { inside = 0 }
	/^\.\. (run|expect): / || /^\.\. by hand$/ {
		key = $2; sub(/:$/, "", key)
		text = $0; sub(/^\.\. [a-z]+:? ?/, "", text)
		note[key] = text
		next
	}
	/^\.\. code-block:: sh$/ {
		if (!("run" in note) && !("by" in note)) {
			print "howto.rst:" NR ": commands without a note"
			bad = 1
		}
		if ("run" in note) {
			n++
			base = sprintf("%s/%02d", dir, n)
			print note["run"] >(base ".run")
			if ("expect" in note) print note["expect"] >(base ".expect")
			close(base ".run"); close(base ".expect")
			inside = 1
		}
		split("", note)
		next
	}
	inside && /^\t/ { print substr($0, 2) >(base ".sh"); next }
	inside && /^[^ \t]/ { inside = 0 }
	END { exit bad }' Documentation/howto.rst
}

# howto_step FILE: run one block of commands where its note says.
howto_step() {
	local base=${1%.sh} where g out status want=0

	read -r where <"$base.run"
	case $where in
	*" fails") want=1; where=${where% fails} ;;
	esac
	for g in $where; do
		put_file "$g" /tmp/step.sh <"$1"
		status=0
		out=$(on "$g" sh /tmp/step.sh 2>&1) || status=$?
		note "$g# $(head -n 1 "$1")"
		[ "$((status != 0))" = $want ] ||
			fail "howto: on $g, status $status of \"$(cat "$1")\": $out"
		[ ! -e "$base.expect" ] || grep -E -- "$(cat "$base.expect")" <<<"$out" >/dev/null ||
			fail "howto: on $g, \"$(cat "$1")\" did not print $(cat "$base.expect"): $out"
	done
}

# A new user who types what the how-to says, from a booted kernel on, gets a
# two-node cluster, sees pages go and come back the same, and ends it all.
test_howto() {
	local step dir=$RUN/howto

	mkdir "$dir"
	howto_blocks "$dir" || fail "the how-to has commands that are not tested"
	[ "$(find "$dir" -name '*.sh' | wc -l)" -ge 15 ] ||
		fail "the how-to has lost its commands"
	default_marks
	boot_start roomy --mem 512 --ip 192.0.2.2 --append ramster
	boot_start lean --mem 256 --ip 192.0.2.1 --swap 768 --append "ramster noselfshrink"
	boot_wait roomy lean
	for step in "$dir"/*.sh; do
		ON_TIMEOUT=400 howto_step "$step"
	done
	on lean '[ "$(cat /sys/kernel/mm/ramster/remote_pers_pages)" = 0 ]'
	finish
}

# documented GUEST: every file and parameter that is there now is described.
documented() {
	local known f missing=''

	known=$(cat Documentation/ABI/* Documentation/parameters.rst |
		sed -E 's/([][a-z|_]+)\(_max\)/\1 \1_max/g; s/\[eph\|pers\]_([a-z_]+)/eph_\1 pers_\1/g' |
		grep -oE '[a-z][a-z0-9_]+' | sort -u)
	for f in $(on "$1" 'cd /sys/kernel; for f in mm/ramster/* debug/ramster/* debug/zcache/* debug/zbud/* debug/frontswap/* debug/cleancache/* config/ramster/test/* config/ramster/test/heartbeat/* config/ramster/test/node/client/* /sys/module/zcache/parameters/* /sys/module/ramster/parameters/*; do [ ! -f $f ] || echo $f; done'); do
		f=${f##*/}
		grep -qxE "$f|${f%_max}" <<<"$known" || missing+=" $f"
	done
	[ -z "$missing" ] || fail "not in Documentation/ABI or parameters.rst:$missing"
}

operator_conf() {
	cat <<-END
	cluster:
		name = test
		node_count = 2
		idle_timeout_ms = 6000
		keepalive_delay_ms = 1000
		reconnect_delay_ms = 300
		get_timeout_ms = 4000
	node:
		name = server
		number = 0
		ip_address = fd00::1
		ip_port = 7777
		capacity_mb = 100
	node:
		name = client
		number = 1
		ip_address = fd00::2
		ip_port = 7777
		target = 0
	END
}

# A row of status: operator_row GUEST NAME
operator_row() {
	on "$1" "ramster.sh status 2>/dev/null | sed -n 's/^  $2  *\([0-9]*\).*/\1/p'"
}

# Start, status, top, drain, stop as one operator would use them, over IPv6, with
# a server that has no debugfs.
#
# Regression: 3.4.4, a network that goes down before swap: swapoff ends.
# Regression: 3.4.4, 3.6.18, drain: pages go home or to a disk, new ones are refused.
test_operator() {
	local load out pages held lends dir=/sys/fs/cgroup/load

	boot_start server --mem 400 --ip 10.0.0.1 --append "ramster debugfs=off"
	# pages stay where they are while numbers are compared
	boot_start client --mem 256 --ip 10.0.0.2 --swap 256 --disk 256 --append "ramster noselfshrink"
	boot_wait server client
	on server 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip addr add fd00::1/64 dev eth0'
	on client 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip addr add fd00::2/64 dev eth0'
	operator_conf | put_file server /etc/ramster.conf
	operator_conf | put_file client /etc/ramster.conf

	# another interface revision is left alone
	out=$(on client 'echo 5 >/tmp/rev; mount --bind /tmp/rev /sys/kernel/mm/ramster/interface_revision; ramster.sh start 2>&1') &&
		fail "started, although the kernel's interface is another one"
	case $out in
	*'interface revision is "5"'*) ;;
	*) fail "start, another revision: $out" ;;
	esac
	on client '[ ! -e /sys/kernel/config/ramster/test ]; umount /sys/kernel/mm/ramster/interface_revision'
	on client 'ramster.sh status; [ $? = 3 ]'

	# at boot nobody waits for the target
	on client ramster.sh -b start
	on client 'ramster.sh -w 1 send 2>&1 | grep "did not connect within 1 seconds"'
	on server ramster.sh start
	on client ramster.sh -w 60 send

	# more than this group may have
	load=$(start client "mkdir $dir; echo \$\$ >$dir/cgroup.procs; exec pageload --mb $(scaled 64) --stdin --tolerate")
	stage "$load" write >/dev/null
	on client "echo $((LOCKED_MB + $(scaled 32)))M >$dir/memory.max"
	stage "$load" pageout >/dev/null
	all_away
	clean "$(stage "$load" read=20)"
	settled

	documented client

	# both sides show the same; the server has no counters but sysfs's
	out=$(on client 'ramster.sh status; ramster.sh -d 1 -r 2 top')
	note "$out"
	grep -qE '^ +0 server +up +[1-9][0-9]* +[1-9][0-9]* +0 +0 +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+$' <<<"$out" ||
		fail "status: no line for the server"
	[ "$(grep -c 'sent/s' <<<"$out")" = 2 ] || fail "top: not two tables"
	grep -q $'\033' <<<"$out" && fail "top: escape sequences, without a terminal"
	pages=$(operator_row client "swap pages with peers")
	held=$(operator_row server "swap pages of peers held here")
	note "the client has $pages pages with peers, the server holds $held"
	[ "$pages" -gt 100 ] || fail "nothing is away"
	# the last few may have gone meanwhile
	[ "$(((pages - held) * (pages - held)))" -le 4096 ] ||
		fail "the two status differ: $pages and $held"
	on server 'ramster.sh status 2>&1 | grep "no debugfs"'
	# without room at the client its pages cannot leave; and without debugfs, too,
	# the server sees that it must not go
	on client 'cd /sys/module/zcache/parameters && cat max_pool_percent >/tmp/share && echo 0 >max_pool_percent'
	out=$(on server 'ramster.sh stop 2>&1') && fail "the server went down with $held pages"
	case $out in
	*"holds "*" pages of other nodes"*) ;;
	*) fail "stop: $out" ;;
	esac

	# a drained server takes nothing new, and start ends that
	lends=$(on server cat /sys/kernel/config/ramster/test/capacity_mb)
	on server 'ramster.sh drain | grep "drain those"'
	clean "$(stage "$load" rewrite=30)"
	stage "$load" pageout >/dev/null
	[ "$(operator_row server "swap pages of peers held here")" -le $((held + 64)) ] ||
		fail "a drained server has taken pages"
	# with room for them, they leave it, and it can use its RAM
	on client 'cat /tmp/share >/sys/module/zcache/parameters/max_pool_percent'
	wait_on server 120 '[ "$(cat /sys/kernel/mm/ramster/foreign_pers_pages)" = 0 ]'
	on server 'ramster.sh start | grep "goes on"'
	[ "$(on server cat /sys/kernel/config/ramster/test/capacity_mb)" = "$lends" ] ||
		fail "the server does not lend what it did before"
	clean "$(stage "$load" rewrite=30)"
	stage "$load" pageout >/dev/null
	all_away

	# what does not fit into RAM goes to the disk
	on client 'mkswap /dev/vdb >/dev/null; ramster.sh -s /dev/vdb drain'
	on client '[ "$(cat /sys/kernel/mm/ramster/remote_pers_pages)" = 0 ]'
	on client '[ "$(wc -l </proc/swaps)" = 2 ] && grep "^/dev/vda" /proc/swaps'
	on client '[ "$(awk "\$1 == \"/dev/vda\" { print \$4 }" /proc/swaps)" -gt 1000 ]'
	on client '[ "$(cat /sys/module/zcache/parameters/max_pool_percent)" -gt 0 ]'
	wait_on server 30 '[ "$(cat /sys/kernel/mm/ramster/foreign_pers_pages)" = 0 ]'
	clean "$(stage "$load" read)"

	# the network goes first: swapoff ends, in bounded time
	on client ramster.sh start
	clean "$(stage "$load" rewrite)"
	stage "$load" pageout >/dev/null
	wait_on client 60 '[ "$(cat /sys/kernel/mm/ramster/remote_pers_pages)" -gt 100 ]'
	on client ip link set eth0 down
	on client "echo max >$dir/memory.max"
	ON_TIMEOUT=60 on client 'swapoff -a || true'
	on client ip link set eth0 up
	on client ip addr add fd00::2/64 dev eth0 || :
	kill_job client "$load"
	wait_on server 60 '[ "$(cat /sys/kernel/mm/ramster/foreign_pers_pages)" = 0 ]'
	on client ramster.sh stop
	on server ramster.sh stop
	finish
}

# benefit_run: more pages than fit are written, and read at random; prints how
# many pages the disk has read, and the seconds that the reading took.
benefit_run() {
	local line before secs dir=/sys/fs/cgroup/load

	before=$(on client "awk '\$3 == \"vda\" { print \$6 }' /proc/diskstats")
	line=$(on client "mkdir -p $dir; echo $((LOCKED_MB + $(scaled 24)))M >$dir/memory.max; echo \$\$ >$dir/cgroup.procs; exec pageload --mb $(scaled 48) --threads 2 write pageout sleep=8 read" |
		grep '^stage read:')
	clean "$line" >&2
	secs=${line##* secs }
	echo $((($(on client "awk '\$3 == \"vda\" { print \$6 }' /proc/diskstats") - before) / 8)) "${secs%% *}"
}

# A workload whose pages do not fit is served by the peer and not by the disk.
# The judge is the number of pages that the disk did not have to read; times are
# shown, beside a disk of 100 requests a second, as fast as one that turns.
test_benefit() {
	local disk_reads disk_secs reads secs

	IOPS=100
	boot_start server --mem 512 --ip 10.0.0.1 --append "ramster"
	boot_start client --mem 256 --ip 10.0.0.2 --swap 256 --iops $IOPS --append "ramster noselfshrink"
	boot_wait server client
	cluster_conf | put_file server /etc/ramster.conf
	cluster_conf | put_file client /etc/ramster.conf
	# the store takes nothing: this is plain swap
	on client 'cat /sys/module/zcache/parameters/max_pool_percent >/tmp/share; echo 0 >/sys/module/zcache/parameters/max_pool_percent'
	read -r disk_reads disk_secs < <(benefit_run)
	on client 'cat /tmp/share >/sys/module/zcache/parameters/max_pool_percent'
	on server ramster.sh start
	on client ramster.sh -w 60 start
	read -r reads secs < <(benefit_run)
	note "plain swap: $disk_reads pages read from the disk, $disk_secs s"
	note "ramster: $reads pages read from the disk, $secs s"
	note "$(awk -v a="$disk_secs" -v b="$secs" 'BEGIN { printf "%.2f times as fast", a / (b > 0 ? b : 0.001) }')"
	[ "$disk_reads" -ge "$(scaled 4000)" ] ||
		fail "plain swap read $disk_reads pages: nothing to avoid"
	[ $((reads * 10)) -le "$disk_reads" ] ||
		fail "with ramster the disk still read $reads of $disk_reads pages"
	at_least client ramster/remote_pers_pages_succ_get 1000
	finish
}
