# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For tests with many nodes; sourced after harness.sh.  Either in one guest,
#
#	boot_mesh N		a cluster of N nodes, in a network namespace each
#	in_mesh COMMAND		run there, with the functions of guest/mesh.sh
#
# or each with a kernel of its own and real swap:
#
#	boot_nodes NAME...	node 0, 1, ... of one cluster, all connected
#	send_to NAME NODE	its pages go there from now on
#	loads_start MB NAME...	a workload on each; its pages are yet to be written
#	stages TEXT NAME...	the same stage of all workloads, at once
#	loads_end NAME...
#	accounts NAME...	when all is quiet: nodes hold what others believe
#	moved NAME...		each has many pages with others
#	held_by NAME MIN	it holds so many pages of others

in_mesh() {
	local out status=0

	out=$(ON_TIMEOUT=${MESH_TIMEOUT:-240} on mesh ". /tests/mesh.sh; $*") ||
		status=$?
	[ -z "$out" ] || printf '%s\n' "$out" | sed 's/^/    /' >&2
	return $status
}

boot_mesh() {
	local all

	boot mesh --mem 1536 --append ramster
	all=$(seq -s ' ' 0 $(($1 - 1)))
	in_mesh "mesh_make $1; mesh_start $1 $all; mesh_up $1 $all"
	note "$1 nodes are connected after $SECONDS s"
}

declare -A LOADS=() SAID=()

nodes_conf() { # NAME...
	local n=0 name

	printf 'cluster:\n\tname = nodes\n\tnode_count = %s\n' $#
	printf '\tidle_timeout_ms = 10000\n\tkeepalive_delay_ms = 1000\n'
	printf '\treconnect_delay_ms = 300\n\tget_timeout_ms = 20000\n'
	for name in "$@"; do
		printf 'node:\n\tname = %s\n\tnumber = %s\n' "$name" $n
		printf '\tip_address = 10.0.0.%s\n\tip_port = 7777\n' $((n + 1))
		printf '\tcapacity_mb = %s\n' "${CAPACITY_MB:-64}"
		n=$((n + 1))
	done
}

boot_nodes() {
	local g n=0

	for g in "$@"; do
		n=$((n + 1))
		boot_start "$g" --mem "${NODE_MB:-256}" --cpus "${NODE_CPUS:-1}" \
			--ip 10.0.0.$n --swap 256 \
			--append "ramster noselfshrink"
	done
	boot_wait "$@"
	note "$# kernels are up after $SECONDS s"
	for g in "$@"; do
		nodes_conf "$@" | put_file "$g" /etc/ramster.conf
		on "$g" ramster.sh start >/dev/null
	done
	for g in "$@"; do
		wait_on "$g" 30 "[ \$(grep -c ' up ' /sys/kernel/debug/ramster/peers) = $(($# - 1)) ]"
	done
}

send_to() {
	on "$1" "cd /sys/kernel/mm/ramster && echo $2 >remote_target_nodenum && echo 1 >pers_remotify_enable"
}

loads_start() {
	local mb=$1 g
	shift
	for g in "$@"; do
		LOADS[$g]=$(start "$g" "pageload --mb $mb --threads 2 --stdin ${LOAD_ARGS:-}")
		SAID[$g]=0
	done
}

# One more line about a stage than there was before.
stage_wait() { # NAME STAGE SECS
	local end=$((SECONDS + $3 * RAMSTER_SLOW)) lines

	while :; do
		mapfile -t lines < <(output "$1" "${LOADS[$1]}" | grep "^stage [a-z]*: pages")
		[ ${#lines[@]} -le "${SAID[$1]}" ] || break
		all_healthy
		[ $SECONDS -lt $end ] || {
			hang_report "$1"
			fail "$1: the workload does not finish \"$2\""
		}
		sleep 0.2
	done
	SAID[$1]=${#lines[@]}
	STAGE_LINE=${lines[-1]}
}

stages() {
	local text=$1 g
	shift
	for g in "$@"; do
		tell "$g" "${LOADS[$g]}" "$text"
	done
	for g in "$@"; do
		stage_wait "$g" "$text" 240
		note "$g $STAGE_LINE"
		case $STAGE_LINE in
		*" bad 0 lost 0 "*) ;;
		*" bad "*) fail "$g: $STAGE_LINE" ;;
		esac
	done
}

loads_end() {
	local g

	for g in "$@"; do
		tell "$g" "${LOADS[$g]}" exit
		wait_job "$g" "${LOADS[$g]}" 120 || fail "$g: the workload ended badly"
	done
}

accounts() {
	local g end=$((SECONDS + 30 * RAMSTER_SLOW)) sum held each

	for g in "$@"; do
		wait_on "$g" 120 '. /tests/lib.sh; [ $(counter ramster/remote_sending) = 0 ] && [ $(counter ramster/remote_debts) = 0 ] && { [ $(cat /sys/kernel/mm/ramster/pers_remotify_enable) = 0 ] || [ $(counter zcache/pers_zpages) -le 64 ]; }'
	done
	# the last few may leave between one number and the next
	until sums "$@"; do
		[ $SECONDS -lt $end ] ||
			fail "owners believe $sum pages to be with others, who hold $held:$each"
		sleep 0.5
	done
	note "pages with others: $sum, held for others: $held"
}

# sums NODE...: leaves them in sum and held; are they the same?  A slot that was
# freed may wait among 64 of its CPU until the kernel says so. When its page went
# with a node that was restarted, its owner believes in it until then: GONE pages
# at most.
sums() {
	local g away here

	sum=0 held=0 each=
	for g in "$@"; do
		away=$(counter "$g" ramster/remote_pers_pages)
		here=$(counter "$g" ramster/foreign_pers_pages)
		if [ -z "$away" ] || [ -z "$here" ]; then
			fail "$g does not answer"
		fi
		sum=$((sum + away)) held=$((held + here))
		each+=" $g has $away away and $here of others;"
	done
	[ $sum -ge $held ] && [ $sum -le $((held + ${GONE:-0})) ]
}

moved() {
	local g n

	for g in "$@"; do
		n=$(counter "$g" ramster/remote_pers_pages)
		[ "$n" -ge 500 ] || fail "$g has only $n pages with others"
	done
}

held_by() {
	local n

	n=$(counter "$1" ramster/foreign_pers_pages)
	[ "$n" -ge "$2" ] || fail "$1 holds only $n pages"
}
