# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Two kernels, one cluster:
#
#	 client, node 1                            server, node 0
#	+--------------------------+              +--------------------+
#	| pageload                 |              |                    |
#	|   | swaps                |   Ethernet   |                    |
#	| zcache -- remotify -- tcp ============== tcp -- foreign pages |
#	|   | what it refuses      |  10.0.0.0/24 |                    |
#	| /dev/vda                 |              |                    |
#	+--------------------------+              +--------------------+
#
# Each test ends with finish, which turns swap off in the client, and then
# wants every counter of things held to be zero in both.

# Tests that may run beside one another; see ../run.
# shellcheck disable=SC2034
TOGETHER="zcache_alone choose_compressor plain_swap poor_pages_go_to_disk"
TOGETHER+=" zcache_off_and_on control_files_refuse short_timeouts"

# Bytes of a page that stand for its contents, and a deadline that fits the
# emulation: everything is some ten times slower than on a real machine.
GET_TIMEOUT_MS=20000

# With every checker on, a page takes some 15 times as long.  A quarter of the
# pages shows the same.  scaled N: so many pages or MB, of any kernel's share.
SCALE=1
[ "${KERNEL:-debug}" != debug ] || SCALE=4
scaled() {
	echo $((($1 + SCALE - 1) / SCALE))
}

cluster_conf() {
	cat <<END
cluster:
	name = test
	node_count = 2
	idle_timeout_ms = ${IDLE_MS:-10000}
	keepalive_delay_ms = 1000
	reconnect_delay_ms = 300
	get_timeout_ms = ${GET_MS:-$GET_TIMEOUT_MS}
node:
	name = server
	number = 0
	ip_address = 10.0.0.1
	ip_port = 7777
	capacity_mb = ${CAPACITY_MB:-300}
node:
	name = client
	number = 1
	ip_address = 10.0.0.2
	ip_port = 7777
	target = 0
END
}

# boot_pair [ARGS...]: both guests up; ARGS go to the client's kernel. What has
# left is to stay away until a test wants it back.
boot_pair() {
	boot_start server --mem 512 --ip 10.0.0.1 --append "ramster"
	boot_start client --mem "${CLIENT_MB:-256}" --ip 10.0.0.2 --swap 768 \
		--append "ramster noselfshrink $*"
	boot_wait server client
	cluster_conf | put_file server /etc/ramster.conf
	cluster_conf | put_file client /etc/ramster.conf
}

# cluster_up [ARGS...]: the cluster runs, and the client sends.
# shellcheck disable=SC2120 # arguments are for tests to come
cluster_up() {
	boot_pair "$@"
	on server ramster.sh start
	on client ramster.sh -w 60 start
}

# A number of pages in a counter file, to be compared.
at_least() { # GUEST FILE MIN
	local n min

	n=$(counter "$1" "$2")
	min=$(scaled "$3")
	note "$1 $2 = $n"
	[ "$n" -ge "$min" ] || fail "$1: $2 is $n, not at least $min"
}

exactly() { # GUEST FILE WANT
	local n

	n=$(counter "$1" "$2")
	[ "$n" = "$3" ] || fail "$1: $2 is $n, not $3"
}

# settled: the client has nothing in flight and owes nothing.
settled() {
	wait_on client 60 '. /tests/lib.sh; [ $(counter ramster/remote_sending) = 0 ] && [ $(counter ramster/remote_debts) = 0 ]'
}

# said JOB NAME: how often a workload has said that it finished such a stage.
said() {
	output client "$1" | grep -c "^stage $2:" || :
}

# stage JOB TEXT [SECS]: have a workload do that; prints what it says then.
stage() {
	local job=$1 name=${2%%=*} end=$((SECONDS + ${3:-600})) before

	before=$(said "$job" "$name")
	tell client "$job" "$2"
	until [ "$(said "$job" "$name")" -gt "$before" ]; do
		all_healthy
		[ $SECONDS -lt $end ] || fail "the workload does not finish \"$2\""
		sleep 0.2
	done
	output client "$job" | grep "^stage $name:" | tail -n 1
}

# load_start MB [OPTION...]: a workload whose pages are written and swapped out;
# prints its job.
load_start() {
	local load

	load=$(start client pageload --mb "$(scaled "$1")" --stdin "${@:2}")
	stage "$load" write >/dev/null
	stage "$load" pageout >/dev/null
	echo "$load"
}

# clean LINE: no wrong page, no lost page.
clean() {
	note "$1"
	case $1 in
	*"bad 0 lost 0 "*) ;;
	*) fail "$1" ;;
	esac
}

load_end() {
	tell client "$1" exit
	wait_job client "$1" 120
}

# all_away: everything that the store has is with the server, but for a few
# frames whose pages wait for one another.
# shellcheck disable=SC2120
all_away() {
	wait_on client "${1:-120}" '. /tests/lib.sh; [ $(counter zcache/pers_zpages) -le 64 ]'
	settled
}

# nothing_left: after the client's processes have ended, the server forgets their
# pages. The kernel keeps up to 64 freed slots for each CPU (2) in a cache before
# it really frees them; swapoff empties these, and no page may come home for it.
nothing_left() {
	local gets

	wait_on server 30 '. /tests/lib.sh; [ $(counter ramster/foreign_pers_pages) -le 128 ]'
	gets=$(counter client ramster/remote_pers_pages_succ_get)
	on client swapoff -a
	wait_on server 30 '. /tests/lib.sh; [ $(counter ramster/foreign_pers_pages) = 0 ]'
	exactly client ramster/remote_pers_pages_succ_get "$gets"
}

# Store, load and invalidate through real swap: pages written, swapped out, kept
# by the server, read back at random, written again, dropped; every byte
# compared. At its end all directories of configfs can be removed.
#
# Regression: 3.2.14.
test_swap_through_peer() {
	local load

	every_checker
	cluster_up
	load=$(load_start 48 --threads 4)
	all_away
	at_least server ramster/foreign_pers_pages 10000
	clean "$(stage "$load" read)"
	at_least client ramster/remote_pers_pages_succ_get 10000
	clean "$(stage "$load" rewrite=40)"
	clean "$(stage "$load" read)"
	stage "$load" drop=30 >/dev/null
	clean "$(stage "$load" read)"
	load_end "$load"
	exactly client ramster/remote_pers_pages_unsucc_get 0
	finish
}

# swapoff has to bring every page home, from a server that holds nearly all.
test_swapoff_brings_all_home() {
	local load

	cluster_up
	load=$(load_start 48)
	all_away
	at_least server ramster/foreign_pers_pages 10000
	on client 'echo 0 >/sys/kernel/mm/ramster/pers_remotify_enable; swapoff -a'
	exactly client ramster/remote_pers_pages 0
	exactly client frontswap/held_pages 0
	clean "$(stage "$load" read)"
	load_end "$load"
	finish
}

# A process that ends with pages at the server: they are forgotten there, soon,
# also while nothing is sent any more.
#
# Regression: 3.3.3.
test_exit_frees_remote_pages() {
	local load

	cluster_up
	load=$(load_start 48)
	all_away
	at_least server ramster/foreign_pers_pages 10000
	on client 'echo 0 >/sys/kernel/mm/ramster/pers_remotify_enable'
	kill_job client "$load"
	nothing_left
	finish
}

# While batches of puts hang in the wire, anything may happen to their pages. The
# server is stopped, so that they hang as long as we like; sets LOAD.
send_and_hang() {
	IDLE_MS=60000 cluster_up
	LOAD=$(start client pageload --mb "$(scaled 32)" --threads 4 --stdin)
	stage "$LOAD" write >/dev/null
	pause_guest server
	stage "$LOAD" pageout >/dev/null
	wait_on client 30 '. /tests/lib.sh; [ $(counter ramster/remote_sending) -gt 20 ]'
	note "pages in flight: $(counter client ramster/remote_sending)"
}

# A put that changes while it is being sent: the newest wins.
#
# Regression: 3.1.2.
test_put_during_send() {
	send_and_hang
	clean "$(stage "$LOAD" rewrite)"
	stage "$LOAD" pageout >/dev/null
	resume_guest server
	all_away
	clean "$(stage "$LOAD" read)"
	load_end "$LOAD"
	finish
}

# A flush during a send: nothing of it stays at the server.
#
# Regression: 3.1.3.
test_flush_during_send() {
	send_and_hang
	stage "$LOAD" drop=60 >/dev/null
	resume_guest server
	all_away
	clean "$(stage "$LOAD" read)"
	kill_job client "$LOAD"
	nothing_left
	finish
}

# A get during a send is served from the local copy, without the server.
test_get_during_send() {
	send_and_hang
	clean "$(stage "$LOAD" read)"
	exactly client ramster/remote_pers_pages_succ_get 0
	resume_guest server
	stage "$LOAD" pageout >/dev/null
	all_away
	clean "$(stage "$LOAD" read=30)"
	load_end "$LOAD"
	finish
}

# A node that goes down while pages are on their way to a peer loses none of
# them, be it that the peer had them already.
test_stop_while_sending() {
	local stop

	send_and_hang
	stop=$(start client ramster.sh -w 60 stop)
	wait_on client 30 '[ "$(cat /sys/kernel/mm/ramster/pers_remotify_enable)" = 0 ]'
	resume_guest server
	wait_job client "$stop" 240 || fail "the client does not go down: $(output client "$stop")"
	on client '[ ! -e /sys/kernel/config/ramster/test ]'
	clean "$(stage "$LOAD" read)"
	load_end "$LOAD"
	finish
}

# What becomes of the server's copy when a page is read: it stays by default; is
# dropped by an exclusive load, and brought home by any other, if it was asked
# for; stays if there is no room. And when the machine is idle, all come home.
test_remote_copies() {
	local load held gets name param=/sys/module/zcache/parameters

	cluster_up
	# every counter of the original is there, by its name
	for name in {eph,pers}_pages_{remoted,remote_failed} \
		    remote_{eph,pers}_pages_{succ,unsucc}_get \
		    pers_pages_remote_nomem remote_objects_flushed \
		    remote_object_flushes_failed remote_pages_flushed \
		    remote_page_flushes_failed \
		    foreign_{eph,pers}_pages{,_max}; do
		on client "cat /sys/kernel/debug/ramster/$name" >/dev/null ||
			fail "there is no counter $name"
	done
	load=$(load_start 12 --threads 4)
	all_away
	on client 'echo 0 >/sys/kernel/mm/ramster/pers_remotify_enable'
	held=$(counter server ramster/foreign_pers_pages)
	clean "$(stage "$load" read)"
	settled
	exactly server ramster/foreign_pers_pages "$held"

	# no room: they stay, and are counted
	stage "$load" pageout >/dev/null
	on client "echo 0 >$param/keep_remote_copies; echo 0 >$param/frontswap_has_exclusive_gets; echo 0 >$param/max_pool_percent"
	clean "$(stage "$load" read)"
	settled
	exactly server ramster/foreign_pers_pages "$held"
	at_least client ramster/pers_pages_remote_nomem 1000

	# kept, with room: they are here, and nobody asks the server again
	stage "$load" pageout >/dev/null
	on client "echo 60 >$param/max_pool_percent"
	clean "$(stage "$load" read)"
	settled
	wait_on server 30 '. /tests/lib.sh; [ $(counter ramster/foreign_pers_pages) -le 64 ]'
	at_least client zcache/pers_zpages 2000
	stage "$load" pageout >/dev/null
	gets=$(counter client ramster/remote_pers_pages_succ_get)
	clean "$(stage "$load" read)"
	gets=$(($(counter client ramster/remote_pers_pages_succ_get) - gets))
	[ $gets -le 64 ] || fail "$gets pages were fetched that should be here"

	# exclusive: neither here nor there
	stage "$load" pageout >/dev/null
	on client 'echo 1 >/sys/kernel/mm/ramster/pers_remotify_enable'
	all_away
	on client "echo 0 >/sys/kernel/mm/ramster/pers_remotify_enable; echo 1 >$param/frontswap_has_exclusive_gets"
	clean "$(stage "$load" read)"
	settled
	wait_on server 30 '. /tests/lib.sh; [ $(counter ramster/foreign_pers_pages) -le 64 ]'
	exactly client ramster/remote_pers_pages "$(counter server ramster/foreign_pers_pages)"

	# idle
	stage "$load" pageout >/dev/null
	on client 'echo 1 >/sys/kernel/mm/ramster/pers_remotify_enable'
	all_away
	on client 'cd /sys/module/ramster/parameters; echo 100 >selfshrink_period_ms; echo 0 >disable_frontswap_selfshrink'
	wait_on server 240 '. /tests/lib.sh; [ $(counter ramster/foreign_pers_pages) = 0 ]'
	at_least client ramster/pers_pages_home 2000
	exactly client ramster/remote_pers_pages 0
	clean "$(stage "$load" read)"
	exactly client ramster/remote_pers_pages_unsucc_get 0
	load_end "$load"

	# a node that goes down takes its pools along, and the log tells of it
	on client 'swapoff -a; ramster.sh stop'
	on client 'dmesg | grep -q "node 0 is the remotification target"'
	on client 'dmesg | grep -q "node 1: selfshrinking is off"'
	on server 'dmesg | grep -q "pool 0 is made for swap pages of node 1"'
	on server 'dmesg | grep -q "pool 0 of node 1 is destroyed"'
	finish
}

# A server that has no room refuses; pages stay here or go to the swap disk, and
# nothing is lost.
#
# Regression: 3.4.6.
test_server_has_no_room() {
	local load held

	CAPACITY_MB=$(scaled 8) cluster_up
	load=$(load_start 48 --threads 4)
	wait_on client 60 '. /tests/lib.sh; [ $(counter ramster/pers_pages_remote_failed) -gt 0 ]'
	held=$(counter server ramster/foreign_pers_pageframes)
	note "frames lent: $held"
	[ "$held" -le $(($(scaled 8) * 256 + 256)) ] ||
		fail "the server lent $held frames, more than $(scaled 8) MB"
	at_least server ramster/foreign_puts_refused 1
	clean "$(stage "$load" read)"
	clean "$(stage "$load" rewrite)"
	clean "$(stage "$load" read)"
	load_end "$load"
	finish
}

# The server dies without a word. The client lives on; whoever reads a lost page
# gets SIGBUS in bounded time; nobody reads wrong bytes; new pages work.
#
# Regression: 3.1.1.
test_server_killed() {
	local load line

	IDLE_MS=4000 GET_MS=2000 cluster_up
	load=$(load_start 32 --tolerate --threads 8)
	all_away
	clean "$(stage "$load" read=2)"
	kill_guest server
	# these are the 2 % that are here now, and 2 % more
	line=$(stage "$load" read=4)
	note "$line"
	case $line in
	*" bad 0 lost 0 "*) fail "nothing was lost, so nothing was tested" ;;
	*" bad 0 lost "*) ;;
	*) fail "$line" ;;
	esac
	[ "${line##* }" -le 10000000 ] || fail "a reader waited ${line##* } us"
	stage "$load" drop >/dev/null
	clean "$(stage "$load" write)"
	stage "$load" pageout >/dev/null
	clean "$(stage "$load" read)"
	load_end "$load"
	finish
}

# The server's cable is pulled, and put back.  Meanwhile a reader gets SIGBUS in
# bounded time, and nobody wrong bytes; afterwards every page is there.
#
# Regression: 3.1.1.
test_cable_pulled() {
	local load line secs dir=/sys/fs/cgroup/load

	IDLE_MS=4000 GET_MS=6000 cluster_up
	load=$(start client "mkdir $dir; echo \$\$ >$dir/cgroup.procs; exec pageload --mb $(scaled 32) --stdin --tolerate --threads 8")
	stage "$load" write >/dev/null
	stage "$load" pageout >/dev/null
	all_away
	cut_link server
	line=$(stage "$load" read=4)
	note "$line"
	case $line in
	*" bad 0 lost 0 "*) fail "no page was out of reach, so nothing was tested" ;;
	*" bad 0 lost "*) ;;
	*) fail "$line" ;;
	esac
	# each of 8 threads reads some ten pages: that is less than five such waits
	secs=${line##* secs }
	[ "${secs%%.*}" -le $((30 * RAMSTER_SLOW)) ] || fail "the readers took ${secs%% *} s"
	join_link server
	wait_on client 60 'grep -q "^0 up" /sys/kernel/debug/ramster/peers'
	# a page that could not be read has a frame that says so until the kernel
	# takes the frame away
	on client "echo 256M >$dir/memory.reclaim 2>/dev/null; true"
	clean "$(stage "$load" read)"
	load_end "$load"
	finish
}

# Connections are reset while pages travel both ways: they come back by
# themselves, and nothing is lost.
test_connection_reset() {
	local load i before connects

	every_checker
	cluster_up
	load=$(load_start 48 --threads 4)
	before=$(said "$load" rewrite)
	tell client "$load" rewrite
	for i in 1 2 3 4 5 6; do
		on client sockdestroy 7777 || note "no connection to reset just now"
		wait_on client 30 'grep -q "^0 up" /sys/kernel/debug/ramster/peers'
	done
	wait_on client 1 true
	until [ "$(said "$load" rewrite)" -gt "$before" ]; do
		all_healthy
		sleep 0.2
	done
	stage "$load" pageout >/dev/null
	tell client "$load" read
	on client sockdestroy 7777
	wait_on client 30 'grep -q "^0 up" /sys/kernel/debug/ramster/peers'
	clean "$(stage "$load" read)"
	exactly client ramster/remote_pers_pages_unsucc_get 0
	connects=$(on client "awk '\$1 == 0 { print \$3 }' /sys/kernel/debug/ramster/peers")
	note "$i resets, $connects connections"
	[ "$connects" -ge 5 ] || fail "the connection was not made again each time"
	load_end "$load"
	finish
}

# A server that is restarted has lost what it held, and says so: readers get
# SIGBUS at once, and new pages go to it as before.
#
# Regression: 3.2.1.
test_server_restarted() {
	local load line

	every_checker
	IDLE_MS=4000 cluster_up
	load=$(load_start 40 --tolerate --threads 4)
	all_away
	# it says so before that is lost, and how much; the client has no room for it
	on client 'cd /sys/module/zcache/parameters && cat max_pool_percent >/tmp/share && echo 0 >max_pool_percent'
	line=$(on server "ramster.sh stop 2>&1") && fail "the server went down with pages of the client"
	note "$line"
	case $line in
	*"holds $(counter server ramster/foreign_pers_pages) pages"*) ;;
	*) fail "stop: $line" ;;
	esac
	on server ramster.sh -f stop
	on client 'cat /tmp/share >/sys/module/zcache/parameters/max_pool_percent'
	on server ramster.sh start
	wait_on client 60 'grep -q "^0 up" /sys/kernel/debug/ramster/peers'
	line=$(stage "$load" read=5)
	note "$line"
	case $line in
	*" bad 0 lost 0 "*) fail "nothing was lost, so nothing was tested" ;;
	*" bad 0 lost "*) ;;
	*) fail "$line" ;;
	esac
	stage "$load" drop >/dev/null
	stage "$load" write >/dev/null
	stage "$load" pageout >/dev/null
	all_away
	clean "$(stage "$load" read)"
	load_end "$load"
	finish
}

# A client that is restarted has no use for what it left with the server, and
# the server lets it go as soon as it is back.
#
# Regression: 3.1.8, 3.3.6.
test_client_restarted() {
	local load

	cluster_up
	load=$(load_start 40)
	all_away
	at_least server ramster/foreign_pers_pages 5000
	kill_guest client
	: "$load"
	boot client --mem 256 --ip 10.0.0.2 --swap 768 --append ramster
	cluster_conf | put_file client /etc/ramster.conf
	on client ramster.sh -w 60 start
	wait_on server 30 '. /tests/lib.sh; [ $(counter ramster/foreign_pers_pages) = 0 ]'
	finish
}

# A server is removed from the cluster while pages of it are yet to be forgotten,
# and it cannot be told: nothing waits for it, here nothing is held for its sake,
# and what is forgotten of it later is no debt either.
#
# Regression: 3.2.4.
test_peer_removed() {
	local load

	every_checker
	IDLE_MS=60000 cluster_up
	load=$(load_start 32 --tolerate)
	all_away
	pause_guest server
	stage "$load" drop=50 >/dev/null
	at_least client ramster/remote_debts 1
	on client 'echo unset >/sys/kernel/mm/ramster/remote_target_nodenum; rmdir /sys/kernel/config/ramster/test/node/server'
	wait_on client 10 '. /tests/lib.sh; [ $(counter ramster/remote_debts) = 0 ]'
	kill_job client "$load"
	on client swapoff -a
	wait_on client 10 '. /tests/lib.sh; [ $(counter ramster/remote_pers_pages) = 0 ] && [ $(counter zcache/obj_count) = 0 ]'
	exactly client ramster/remote_debts 0
	resume_guest server
	on server ramster.sh -f stop
	finish
}

# zcache alone is a complete compressed store: nothing leaves the machine.
test_zcache_alone() {
	boot client --mem 256 --swap 768 --append "zcache"
	on client pageload --mb "$(scaled 60)" --threads 2 write pageout read rewrite=50 pageout fork read
	at_least client zcache/pers_puts 10000
	at_least client zcache/local_gets 10000
	exactly client zcache/remote_gets 0
	exactly client ramster/pers_pages_remoted 0
	finish
}

# Another compressor by name; one that does not exist is refused, with a message,
# and the machine works as without us.
test_choose_compressor() {
	boot client --mem 200 --swap 512 --append "zcache=zstd"
	on client 'dmesg | grep -q "compressor zstd"'
	on client pageload --mb "$(scaled 60)" write pageout read
	at_least client zcache/pers_puts 5000
	finish
	boot other --mem 200 --swap 512 --append "zcache=nonesuch"
	on other 'dmesg | grep -q "compressor \"nonesuch\" cannot be used"'
	on other pageload --mb "$(scaled 60)" write pageout read
	exactly other frontswap/stores 0
	finish
}

# Nothing of ours is switched on: plain swap.
test_plain_swap() {
	boot client --mem 200 --swap 512
	on client pageload --mb "$(scaled 100)" write pageout read
	on client '[ ! -e /sys/kernel/mm/ramster ] && [ ! -e /sys/kernel/debug/zcache ]'
	on client '[ ! -e /sys/kernel/config/ramster ] && [ ! -e /sys/kernel/debug/ramster ]'
	on client '! ps | grep -E "\[(remotify|r2[a-z]+/|zcache)"'
	exactly client frontswap/stores 0
	finish
}

# A page that does not compress is refused and goes to the disk, as does every
# page beyond the store's share of RAM.
test_poor_pages_go_to_disk() {
	boot client --mem 200 --swap 768 --append "zcache"
	on client pageload --mb "$(scaled 40)" --fill 100 write pageout read
	at_least client zcache/compress_poor 5000
	on client 'echo 2 >/sys/module/zcache/parameters/max_pool_percent'
	on client pageload --mb "$(scaled 60)" write pageout read
	at_least client zcache/pool_limit 1000
	finish
}

# What a user may get wrong gets an error and a line in the log, no more.
test_control_files_refuse() {
	cluster_up
	on client 'cd /sys/kernel/mm/ramster; for v in 255 -2 x 1 7; do echo $v >remote_target_nodenum && exit 1; done; true'
	on client 'echo x >/sys/kernel/mm/ramster/pers_remotify_enable && exit 1; true'
	on client 'echo 0 >/sys/module/zcache/parameters/enabled && exit 1; true'
	on client 'mkdir /sys/kernel/config/ramster/second && exit 1; true'
	on client '[ "$(cat /sys/kernel/mm/ramster/remote_target_nodenum)" = 0 ]'
	on client ramster.sh status
	on client 'echo unset >/sys/kernel/mm/ramster/remote_target_nodenum'
	on client '[ "$(cat /sys/kernel/mm/ramster/remote_target_nodenum)" = unset ]'
	finish
}

# Timeouts that are shorter than those that the kernel starts with.
test_short_timeouts() {
	boot client --mem 256 --ip 10.0.0.2 --swap 256 --append ramster
	IDLE_MS=1500 cluster_conf | put_file client /etc/ramster.conf
	on client 'ramster.sh -w 1 start 2>&1 | grep "did not connect"'
	on client '[ "$(cat /sys/kernel/config/ramster/test/idle_timeout_ms)" = 1500 ]'
	on client '[ "$(cat /sys/kernel/config/ramster/test/keepalive_delay_ms)" = 1000 ]'
	on client ramster.sh stop
	finish
}

# The store can be switched off and on again while the machine runs.
test_zcache_off_and_on() {
	every_checker
	boot client --mem 200 --swap 512 --append "zcache"
	on client pageload --mb "$(scaled 40)" write pageout read
	# slots that are free linger in caches until swapoff
	on client 'swapoff -a; echo 0 >/sys/module/zcache/parameters/enabled && swapon /dev/vda'
	on client pageload --mb "$(scaled 40)" write pageout read
	on client 'echo 1 >/sys/module/zcache/parameters/enabled'
	on client pageload --mb "$(scaled 40)" write pageout read
	at_least client zcache/pers_puts 5000
	finish
}
