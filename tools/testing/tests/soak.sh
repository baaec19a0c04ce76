# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Clusters under random load for a while, in which connections are reset and
# nodes restarted at random.  tools/testing/soak runs these for an hour, and
# makes a table of what they leave in soak.table.
#
#	SOAK_SECS	how long
#	SOAK_SEED	what happens when, and to whom, follows from this
#
# No page is ever wrong.  None is lost, unless the node that had it was restarted;
# these are counted.  In the end nothing is held anywhere.

# shellcheck source=tools/testing/nodes.sh
. tools/testing/nodes.sh

# Time is what these are given, so both go on at once.
# shellcheck disable=SC2034 # read by ../run
TOGETHER="soak_pair soak_mesh"
SOAK_SECS=${SOAK_SECS:-180}
SOAK_SEED=${SOAK_SEED:-$((SRANDOM % 32768))}

soak_begin() {
	RANDOM=$SOAK_SEED
	resets=0
	restarts=0
	begin=$SECONDS
	told=$SECONDS
	note "soak: seed $SOAK_SEED, $(hms "$SOAK_SECS")"
}

soak_goes_on() {
	[ $((SECONDS - begin)) -lt "$SOAK_SECS" ]
}

# soak_time_to_tell: now and then, more rarely the longer it takes.
soak_time_to_tell() {
	local every=$((SOAK_SECS / 60))

	[ $every -ge 10 ] || every=10
	[ $((SECONDS - told)) -ge $every ] || return 1
	told=$SECONDS
}

# soak_row TEXT VALUE: of the table.
soak_row() {
	printf '%s\t%s\n' "$1" "$2" >>"$RUN/soak.table"
}

# --- eight nodes in one kernel -----------------------------------------------

mesh_numbers() {
	local name value out

	out=$(on mesh ". /tests/mesh.sh; mesh_totals 8") || fail "no totals: $out"
	while read -r name value; do
		TOTAL[$name]=$value
	done <<<"$out"
	operations=$((TOTAL[puts] + TOTAL[local_gets] + TOTAL[remote_gets] +
		TOTAL[misses] + TOTAL[flushes] + TOTAL[object_flushes]))
}

mesh_progress() {
	mesh_numbers
	note "soak: $(hms $((SECONDS - begin))) operations $operations," \
		"remote gets ${TOTAL[remote_gets]}, resets $resets," \
		"restarts $restarts (${TOTAL[restart_losses]} pages gone with" \
		"them), lost ${TOTAL[lost]}, wrong ${TOTAL[mismatches]}"
	[ $((TOTAL[lost] + TOTAL[mismatches])) = 0 ] ||
		fail "pages are lost or wrong"
}

# Of ten events one is a restart.
mesh_event() {
	local k=$((RANDOM % 8))

	if [ $((RANDOM % 10)) = 0 ]; then
		in_mesh "mesh_again 8 $k"
		restarts=$((restarts + 1))
	else
		in_mesh "mesh_reset $k" >/dev/null 2>&1 || :
		resets=$((resets + 1))
	fi
}

# Eight nodes that all send to all.
test_soak_mesh() {
	local resets restarts begin told operations
	declare -A TOTAL=()

	boot_mesh 8
	soak_begin
	in_mesh "mesh_begin 8"
	while soak_goes_on; do
		sleep $((1 + RANDOM % 5))
		mesh_event
		all_healthy
		! soak_time_to_tell || mesh_progress
	done
	# at least one of each, however short it was
	in_mesh "mesh_again 8 $((RANDOM % 8))"
	restarts=$((restarts + 1))
	mesh_progress
	MESH_TIMEOUT=400 in_mesh "mesh_end 8"
	mesh_numbers
	finish
	soak_row "operations" "$operations"
	soak_row "reads from another node" "${TOTAL[remote_gets]}"
	soak_row "connections reset, times" "$resets"
	soak_row "nodes restarted, times" "$restarts"
	soak_row "pages gone with these" "${TOTAL[restart_losses]}"
	soak_row "pages lost otherwise" "${TOTAL[lost]}"
	soak_row "wrong pages" "${TOTAL[mismatches]}"
}

# --- two kernels -------------------------------------------------------------

# A stage of either workload, chosen at random; what it counted is added up.
pair_stage() {
	local g text

	for g in a b; do
		case $((RANDOM % 5)) in
		0)	text=pageout ;;
		1)	text=rewrite=$((10 + RANDOM % 60)) ;;
		2)	text=drop=$((1 + RANDOM % 20)) ;;
		*)	text=read=$((10 + RANDOM % 90)) ;;
		esac
		tell $g "${LOADS[$g]}" "$text"
		EXPECTED[$g]=$text
	done
}

pair_wait() {
	local g words

	for g in a b; do
		[ -n "${EXPECTED[$g]:-}" ] || continue
		stage_wait $g "${EXPECTED[$g]}" 240
		EXPECTED[$g]=
		# stage NAME: pages N secs S bad N lost N ...
		read -ra words <<<"$STAGE_LINE"
		pages=$((pages + words[3]))
		[ "${words[6]:-}" = bad ] || continue
		[ "${words[7]}" = 0 ] || fail "$g: $STAGE_LINE"
		lost=$((lost + words[9]))
		[ "${words[9]}" = 0 ] || [ -n "${MAY_LOSE[$g]:-}" ] ||
			fail "$g lost pages, and its peer was not restarted: $STAGE_LINE"
	done
}

# One node is restarted, without regard to what it holds. Then the other has
# lost pages, may say so until it has dropped them, and begins anew.
pair_restart() {
	local g=$1 other=$2 number=$3

	MAY_LOSE[$other]=1
	# its counters end with it
	fetched=$((fetched + $(counter "$g" ramster/remote_pers_pages_succ_get)))
	on "$g" "ramster.sh -f -w 30 stop && ramster.sh start" >/dev/null
	wait_on "$g" 60 "grep -q ' up ' /sys/kernel/debug/ramster/peers"
	wait_on "$other" 60 "grep -q ' up ' /sys/kernel/debug/ramster/peers"
	send_to "$g" "$number"
	restarts=$((restarts + 1))
	for text in read drop write pageout; do
		tell "$other" "${LOADS[$other]}" $text
		EXPECTED[$other]=$text
		pair_wait
	done
	MAY_LOSE[$other]=
}

pair_event() {
	local g=a other=b number=1

	[ $((RANDOM % 2)) = 0 ] || { g=b; other=a; number=0; }
	if [ $((RANDOM % 8)) = 0 ]; then
		pair_wait
		pair_restart $g $other $number
	else
		on $g sockdestroy 7777 >/dev/null || :
		resets=$((resets + 1))
	fi
}

pair_progress() {
	note "soak: $(hms $((SECONDS - begin))) pages touched $pages, resets $resets," \
		"restarts $restarts ($lost pages gone with them), lost 0, wrong 0"
}

# Two kernels that swap to each other.
test_soak_pair() {
	local resets restarts begin told pages=0 lost=0 g fetched=0
	declare -A EXPECTED=() MAY_LOSE=()

	boot_nodes a b
	send_to a 1
	send_to b 0
	LOAD_ARGS=--tolerate loads_start 8 a b
	stages write a b
	stages pageout a b
	soak_begin
	while soak_goes_on; do
		pair_stage
		[ $((RANDOM % 3)) != 0 ] || pair_event
		pair_wait
		! soak_time_to_tell || pair_progress
	done
	pair_restart a b 1
	pair_progress
	stages read a b
	stages pageout a b
	GONE=$((2 * 64)) accounts a b
	moved a b
	for g in a b; do
		fetched=$((fetched + $(counter $g ramster/remote_pers_pages_succ_get)))
	done
	loads_end a b
	finish
	soak_row "operations" "$pages"
	soak_row "reads from another node" "$fetched"
	soak_row "connections reset, times" "$resets"
	soak_row "nodes restarted, times" "$restarts"
	soak_row "pages gone with these" "$lost"
	soak_row "pages lost otherwise" 0
	soak_row "wrong pages" 0
}
