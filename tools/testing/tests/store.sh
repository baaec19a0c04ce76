# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The compressed store by itself: its switches, its counters, CPUs that come
# and go.
# shellcheck disable=SC2034 # read by ../run
TOGETHER="store store_switches store_modules"
TIMEOUT=600

# shellcheck source=tools/testing/tests/cluster.sh
. "$RAMSTER_TOP/tools/testing/tests/cluster.sh"

P=/sys/module/zcache/parameters
Z=/sys/kernel/debug/zcache

# grows NAME BEFORE: that counter of the store is higher than it was.
grows() {
	local now

	now=$(counter one "zcache/$1")
	note "$1: $2 before, $now after"
	[ "$now" -gt "$2" ] || fail "$1 is still $now"
}

# Each counter is there under its name, and no other: what is new has to be
# documented, and to get a line here.
ZCACHE_FILES="comp_contexts compress_failed compress_poor decompress_failed
eph_ate_tail eph_ate_tail_failed eph_filled_pages eph_local_gets eph_lost_gets
eph_nonactive_puts_ignored eph_pageframes eph_pageframes_max eph_puts
eph_remote_gets eph_zbytes eph_zbytes_max eph_zpages eph_zpages_max
evicted_eph_pageframes evicted_eph_zpages failed_alloc failed_eph_puts
failed_getfreepages failed_pers_puts flobj_found flobj_total flush_found
flush_total last_active_anon_pageframes last_active_file_pageframes
last_inactive_anon_pageframes last_inactive_file_pageframes local_gets
mean_compress_poor obj_count obj_count_max objnode_count objnode_count_max
pers_ate_eph pers_ate_eph_failed pers_filled_pages
pers_nonactive_puts_ignored pers_pageframes pers_pageframes_max pers_puts
pers_zbytes pers_zbytes_max pers_zpages pers_zpages_max pool_limit remote_gets
zero_filled_pages"
ZBUD_FILES="buddied_count cumul_zbytes cumul_zpages evicted_pageframes
isolated_count pageframes unbuddied_count zbytes zombie_count zpages"

counters_have_names() {
	local f want

	# shellcheck disable=SC2086 # lists
	want=$(printf '%s\n' $ZCACHE_FILES | LC_ALL=C sort)
	[ "$(on one "ls -1 $Z" | LC_ALL=C sort)" = "$want" ] ||
		fail "the files of zcache/ are not those expected"
	want=$(for f in $ZBUD_FILES; do echo "eph_$f"; echo "pers_$f"; done |
		LC_ALL=C sort)
	[ "$(on one "ls -1 $Z/../zbud" | LC_ALL=C sort)" = "$want" ] ||
		fail "the files of zbud/ are not those expected"
	on one "cd $Z/..; cat zcache/* zbud/* | grep -vE '^[0-9]+\$'" &&
		fail "a counter is not a number"
	for f in $ZCACHE_FILES; do
		grep -qw "$f" "$RAMSTER_TOP/Documentation/ABI/debugfs-zcache" ||
		grep -qw "${f%_max}, and _max" \
			"$RAMSTER_TOP/Documentation/ABI/debugfs-zcache" ||
			case $f in
			*_max) ;;
			*) fail "$f is not documented" ;;
			esac
	done
}

# With pages in the store and nothing moving, the numbers fit together.
counters_fit() {
	on one "cd $Z"'/..; n() { read -r v <$1; echo $v; }
	frames=$(n zcache/pers_pageframes) zpages=$(n zcache/pers_zpages)
	objs=$(n zcache/obj_count) nodes=$(n zcache/objnode_count)
	same() { [ $2 = $3 ] || { echo "$1: $2 is not $3"; exit 1; }; }
	same frames $frames $(n zbud/pers_pageframes)
	same zpages $zpages $(n zbud/pers_zpages)
	same zbytes $(n zcache/pers_zbytes) $(n zbud/pers_zbytes)
	one=$(n zbud/pers_unbuddied_count) two=$(n zbud/pers_buddied_count)
	same "frames by content" $((one + two)) $frames
	same "pages by frame" $((one + 2 * two)) $zpages
	same "pages that are kept" $(($(n zcache/pers_filled_pages) + zpages)) $(n frontswap/held_pages)
	same "puts" $(n zcache/pers_puts) $(n frontswap/succ_stores)
	[ $objs -gt 0 ] && [ $objs -le 256 ] || { echo "$objs objects"; exit 1; }
	[ $nodes -ge $((zpages / 64)) ] && [ $nodes -le $((2 * objs + zpages / 8)) ] ||
		{ echo "$nodes nodes"; exit 1; }
	for f in obj_count objnode_count pers_pageframes pers_zpages pers_zbytes; do
		[ $(n zcache/${f}_max) -ge $(n zcache/$f) ] || { echo $f; exit 1; }
	done
	[ $(n zbud/pers_cumul_zpages) -ge $zpages ] || exit 1
	same "evicted swap frames" $(n zbud/pers_evicted_pageframes) 0' ||
		fail "the counters do not fit together"
}

# All of the store by itself in one guest, because a guest is dear.  First, 16
# threads at the same pages of an index, on two CPUs: D08 (see
# tmem_threads_test.c).
test_store() {
	local load before gets

	every_checker
	boot one --mem 256 --swap 512 \
		--append "zcache kunit.enable=1 kunit.filter_glob=ramster-tmem-threads"
	on one 'dmesg | grep -E "KTAP|ramster-tmem-threads|operations"'
	on one 'dmesg | grep -qE "\] ok 1 ramster-tmem-threads"' ||
		fail "threads at the same pages: see the log"
	on one '! dmesg | grep -qE "\] *not ok "'
	counters_have_names

	# Regression: 3.3.13, 3.3.14: counters that were changed under different
	# locks, and one that was many.
	load=$(start one pageload --mb "$(scaled 80)" --threads 4 --stdin)
	stage_one "$load" write
	stage_one "$load" pageout
	counters_fit

	# Exclusive gets: what is read leaves the store.  Without, it stays.
	stage_one "$load" read
	[ "$(counter one zcache/pers_zpages)" -lt 200 ] ||
		fail "a page that was read is still in the store"
	on one "echo 0 >$P/frontswap_has_exclusive_gets"
	stage_one "$load" pageout
	before=$(counter one zcache/pers_zpages)
	stage_one "$load" read
	[ "$(counter one zcache/pers_zpages)" -ge $((before - 200)) ] ||
		fail "a page that was read has left the store"
	# and is got once more without having been put
	before=$(counter one zcache/pers_puts)
	gets=$(counter one zcache/local_gets)
	stage_one "$load" pageout
	stage_one "$load" read
	[ "$(counter one zcache/pers_puts)" -lt $((before + 200)) ] ||
		fail "pages that are in the store were put again"
	grows local_gets $((gets + $(scaled 10000)))
	on one "echo 1 >$P/frontswap_has_exclusive_gets"

	# CPUs: contexts follow, a load goes on, nothing leaks (kmemleak at the
	# end of the test).
	[ "$(counter one zcache/comp_contexts)" = 2 ] || fail "not a context a CPU"
	tell one "$load" pageout
	tell one "$load" rewrite=30
	tell one "$load" pageout
	ON_TIMEOUT=400 on one 'cpu=/sys/devices/system/cpu/cpu1/online; Z=/sys/kernel/debug/zcache
	for n in $(seq 100); do
		echo 0 >$cpu && [ $(cat $Z/comp_contexts) = 1 ] || exit 1
		echo 1 >$cpu && [ $(cat $Z/comp_contexts) = 2 ] || exit 1
	done' || fail "contexts do not follow the CPUs"
	stage_one "$load" read

	# Pages that were never active are turned away, when that is wanted.
	on one "echo 0 >$P/disable_frontswap_ignore_nonactive"
	on one pageload --mb "$(scaled 20)" write pageout read
	grows pers_nonactive_puts_ignored 0
	on one "echo 1 >$P/disable_frontswap_ignore_nonactive"

	# A swap area that is turned off is forgotten as a whole.
	tell one "$load" exit
	wait_job one "$load" 120
	before=$(counter one zcache/flobj_total)
	on one 'swapoff -a'
	[ "$(counter one zcache/flobj_total)" = $((before + 256)) ] ||
		fail "not 256 slices of the area were forgotten"
	on one "[ \$(cat $Z/pers_zpages) = 0 ] && [ \$(cat $Z/obj_count) = 0 ]" ||
		fail "swapoff left pages"
	on one "[ \$(cat $Z/objnode_count) = 0 ]" || fail "nodes are left"
	finish
}

# stage_one JOB STAGE: and wait until it is done.
stage_one() {
	local before end=$((SECONDS + 200 * RAMSTER_SLOW))

	before=$(output one "$1" | grep -c "^stage $2:" || :)
	tell one "$1" "$2"
	until [ "$(output one "$1" | grep -c "^stage $2:" || :)" -gt "$before" ]; do
		healthy one
		[ $SECONDS -lt $end ] || fail "the workload does not finish \"$2\""
		sleep 0.2
	done
	output one "$1" | grep "^stage $2:" | tail -n 1 | grep "bad 0 lost 0" ||
		[ "$2" = pageout ] || fail "$2: pages are wrong or lost"
}

# Neither page cache pages nor swap pages, each with the word that says so.
test_store_switches() {
	boot one --mem 200 --swap 512 --append "zcache nocleancache nofrontswap"
	on one 'dmesg | grep -q "zcache: started, compressor lzo, frontswap off, cleancache off"'
	on one pageload --mb "$(scaled 40)" write pageout read
	on one "[ \$(cat $Z/pers_puts) = 0 ] && [ \$(cat $Z/eph_puts) = 0 ]" ||
		fail "pages were taken"
	on one "[ \$(cat $P/disable_frontswap)\$(cat $P/disable_cleancache) = YY ]"
	on one '[ $(cat /sys/kernel/debug/frontswap/stores) = 0 ]' ||
		fail "frontswap was asked"
	# what is not registered holds nothing up
	on one "echo 0 >$P/enabled; [ ! -e $Z ]" || fail "it cannot be stopped"
	finish
}

# The driver as two modules: they take their parameters, work, cannot be unloaded
# while something is held, can be when nothing is, and be loaded again.
test_store_modules() {
	local image dir
	local insert='insmod /m/zcache.ko zcache_comp_name=zstd ramster_enabled=1'

	every_checker
	image=$("$RAMSTER_TOP/tools/kernel.sh" --config modules) ||
		fail "no kernel for modules"
	dir=${image%/arch/*}/drivers/staging/ramster
	tar -C "$dir" -cf "$RUN/modules.tar" zcache.ko ramster.ko
	truncate -s %1M "$RUN/modules.tar"
	RAMSTER_IMAGE=$image boot one --mem 256 --swap 256 \
		--image "$RUN/modules.tar"
	on one 'mkdir /m && tar -x -C /m -f /dev/vdb'
	on one "[ ! -e $P ] && [ ! -e $Z ]" || fail "it is there already"

	on one "$insert max_pool_percent=30"
	on one "[ \$(cat $P/enabled)\$(cat $P/zcache_comp_name)\$(cat $P/max_pool_percent) = Yzstd30 ]" ||
		fail "zcache did not take its parameters"
	on one 'insmod /m/ramster.ko && [ -e /sys/kernel/mm/ramster ] && [ -e /sys/kernel/config/ramster ]' ||
		fail "ramster did not start"
	on one pageload --mb "$(scaled 40)" write pageout read
	[ "$(counter one zcache/pers_puts)" -gt 1000 ] || fail "nothing stored"

	on one '! rmmod zcache' || fail "zcache went, which ramster needs"
	on one 'rmmod ramster && [ ! -e /sys/kernel/mm/ramster ]' ||
		fail "ramster does not go"
	on one '! rmmod zcache' || fail "zcache went, which swap needs"
	on one "swapoff -a; echo 0 >$P/enabled && rmmod zcache" ||
		fail "zcache does not go although nothing is held"
	on one "[ ! -e $P ] && [ ! -e $Z ]" || fail "something is left of it"

	on one "$insert && insmod /m/ramster.ko && swapon /dev/vda"
	on one pageload --mb "$(scaled 20)" write pageout read
	on one "rmmod ramster && swapoff -a && echo 0 >$P/enabled && rmmod zcache" ||
		fail "the second time they do not go"
	finish
}
