# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# When pages are sent, with the marks that a machine has by default: not while
# there is RAM enough, and early enough when there is not.
# shellcheck disable=SC2034 # read by ../run
TIMEOUT=1500

# Two machines are those of cluster.sh.
# shellcheck source=tools/testing/tests/cluster.sh
. "$RAMSTER_TOP/tools/testing/tests/cluster.sh"
TOGETHER="remotify_idle"

R=/sys/kernel/debug/ramster
RP=/sys/module/ramster/parameters

# group_load NAME MB LIMIT_MB: a workload in a control group, whose pages are
# written; what is beyond the limit is in the store. 17 MB it takes for itself.
# Prints its job.
group_load() {
	local load dir=/sys/fs/cgroup/$1

	load=$(start client "mkdir -p $dir; echo ${3}M >$dir/memory.max; echo \$\$ >$dir/cgroup.procs; exec pageload --mb $2 --stdin")
	stage "$load" write >/dev/null
	echo "$load"
}

# wakes SECS: how often the thread remotify is woken up in that time.
wakes() {
	on client "/tests/ram.sh wakes $1"
}

# state: idle, ahead or short.
state() {
	on client "sed -n 's/^state //p' $R/pressure"
}

# Pages are stored, by a control group that has come to its limit, while the
# machine has RAM enough: nothing is sent, and nobody is woken up for it.
test_remotify_idle() {
	local load n before

	default_marks
	cluster_up
	n=$(wakes 5)
	note "woken up $n times in 5 s without pages"
	[ "$n" -le 3 ] || fail "woken up although there is nothing to send"
	load=$(group_load small 28 22)
	note "$(on client "cat $R/pressure")"
	at_least client zcache/pers_zpages 8000
	sleep 3
	[ "$(state)" = idle ] || fail "the state is $(state)"
	exactly client ramster/pers_pages_remoted 0
	exactly server ramster/foreign_puts 0
	n=$(wakes 5)
	note "woken up $n times in 5 s with pages"
	[ "$n" -le 10 ] || fail "woken up too often"

	# all of it is the store's doing: with the mark out of the way they leave
	clean "$(stage "$load" read=30)"
	before=$(counter client ramster/remotify_looks)
	on client "echo 100 >$RP/remotify_high_percent"
	all_away
	[ "$(state)" = always ] || fail "the state is $(state)"
	[ "$(counter client ramster/remotify_looks)" -gt "$before" ] ||
		fail "nobody has looked"
	clean "$(stage "$load" read=30)"
	load_end "$load"
	finish
}

# percent_kb N: so much of the client's RAM.
percent_kb() {
	echo $(($(on client "sed -n 's/^MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo") * $1 / 100))
}

# fetched JOB STAGE: how many pages that brings back from the server.
fetched() {
	local before

	before=$(counter client ramster/remote_pers_pages_succ_get)
	clean "$(stage "$1" "$2")"
	FETCHED=$(($(counter client ramster/remote_pers_pages_succ_get) - before))
}

# The store has pages of two programs when a third one takes RAM. There is enough
# at any time: pages leave before it runs short, the oldest first; and what is in
# the store gives way as a whole if need be.
#
# Then programs want more than there is: the server keeps up, so that the
# kernel is never down to its reserves, and hardly a page goes to the disk.
test_remotify_ahead() {
	local old young low high frames line load mb min free watch stores writes

	default_marks
	CLIENT_MB=288 cluster_up
	old=$(group_load old 24 22)
	young=$(group_load young 24 22)
	exactly client ramster/pers_pages_remoted 0
	low=$(percent_kb 5)
	high=$(percent_kb 10)
	frames=$(($(counter client zcache/pers_pageframes) * 4))
	note "marks at $low and $high kB, $frames kB in the store"
	[ $frames -gt $((high - low / 2)) ] || fail "too little in the store"

	# without sending: the high mark less a quarter of what is stored
	line=$(on client "/tests/ram.sh take $((high + frames * 3 / 4)) $low") ||
		fail "$line"
	note "$line; $(on client "cat $R/pressure | tr '\n' ' '")"
	wait_on client 20 "[ \$(cat $R/remotify_ahead_frames) -gt 0 ]"
	settled
	exactly client ramster/remotify_short_frames 0
	fetched "$young" read=20
	line=$FETCHED
	fetched "$old" read=20
	note "fetched $FETCHED of the old ones, $line of the young ones"
	[ "$FETCHED" -ge 50 ] || fail "hardly any of the old pages was sent"
	[ "$line" -le $((FETCHED / 5)) ] || fail "the young pages left first"

	# without sending: half of the low mark
	line=$(on client "/tests/ram.sh take $((frames + low / 2)) $low") ||
		fail "$line"
	note "$line; $(on client "cat $R/pressure | tr '\n' ' '")"
	on client "/tests/ram.sh give"
	clean "$(stage "$old" read=40)"
	clean "$(stage "$young" read=40)"
	load_end "$old"
	load_end "$young"

	min=$(on client "/tests/ram.sh min")
	mb=$(($(on client "sed -n 's/^MemAvailable: *\\([0-9]*\\).*/\\1/p' /proc/meminfo") * 5 / 4096))
	note "five quarters of what is available: $mb MB; the kernel keeps $min kB"
	watch=$(start client "/tests/ram.sh watch")
	stores=$(counter client frontswap/stores)
	writes=$(counter client frontswap/rejects)
	load=$(start client "pageload --mb $mb --threads 4 --stdin")
	note "$(stage "$load" write 1200)"
	stores=$(($(counter client frontswap/stores) - stores))
	writes=$(($(counter client frontswap/rejects) - writes))
	on client 'rm /run/watch'
	wait_job client "$watch" 60
	line=$(output client "$watch")
	note "$line; $stores pages stored, $writes to the disk; $(on client "cat $R/pressure | tr '\n' ' '")"
	free=${line#*lowest free }
	[ "${free%% *}" -ge $((min / 2)) ] ||
		fail "the kernel was down to its reserves: $line, of $min"
	[ $writes -le $((stores / 20)) ] ||
		fail "$writes pages went to the disk, $stores were stored"
	at_least client ramster/remotify_short_frames 1000
	clean "$(stage "$load" read=10 1200)"
	load_end "$load"
	finish
}
