# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# A cluster inside one guest, for scripts that run there: . /tests/mesh.sh
#
#	mesh_make N		network namespaces 0 to N-1, joined by a bridge
#	mesh_buffers BYTES	from now on, sockets of all of them have such buffers
#	mesh_start N K...	bring up nodes K of a cluster of N; node K lives in
#				namespace K and has pages of its own (torture.c)
#	mesh_stop K...		take them down
#	mesh_up N K...		wait until these nodes are connected to all others
#	mesh_send A B		node A sends its pages to node B; "-": to none;
#				"*": to all by turns, the next every 150 ms
#	mesh_work SECS THREADS K...	let nodes work
#	mesh_away SECS K...	wait until no page of theirs is left to be sent
#	mesh_quiet SECS K...	wait until nothing of theirs is on its way
#	mesh_check K...		each page of theirs is there, and right
#	mesh_account N		each node holds just the pages that others believe
#	mesh_empty N		all forget all; nothing is held anywhere
#	mesh_file K FILE	sets $file to the path of a file of node K
#	mesh_get K FILE		sets $value to what it says
#	mesh_total RESULT K...	sets $value to a result of the work, over all these
#
# Each says what is wrong, and exits.
#
# With every checker on, a fork costs as much as a thousand pages: what is asked
# often does without, and so these do not print what they find out.

. /tests/lib.sh

MESH=/run/mesh
CLUSTERS=/sys/kernel/config/ramster
MESH_PORT=7777

mesh_enter() { # K COMMAND...
	local k=$1
	shift
	nsenter --net="$MESH/net$k" "$@"
}

mesh_join() { # K
	# busybox cannot name the other end: it is called veth0
	unshare --net="$MESH/net$1" true &&
	mesh_enter "$1" sh -c "ip link set lo up && ip link add eth0 type veth &&
		ip link set veth0 name mesh$1 && ip link set mesh$1 netns 1 &&
		ip addr add 10.1.0.$(($1 + 1))/24 dev eth0 &&
		ip link set eth0 up" &&
	brctl addif mesh "mesh$1" && ip link set "mesh$1" up
}

mesh_make() {
	local k=0

	mkdir -p $MESH
	ip link add mesh type bridge || fail "no bridge"
	ip link set mesh up
	while [ $k -lt "$1" ]; do
		: >$MESH/net$k
		mesh_join $k || fail "no namespace $k"
		echo "inum$k=$(stat -L -c %i $MESH/net$k)" >>$MESH/inums
		k=$((k + 1))
	done
	. $MESH/inums
	echo 1 >/sys/module/ramster/parameters/torture
}

mesh_buffers() {
	local f

	for f in "$MESH"/net*; do
		nsenter --net="$f" sh -c "
			echo $1 $1 $1 >/proc/sys/net/ipv4/tcp_wmem
			echo $1 $1 $1 >/proc/sys/net/ipv4/tcp_rmem" ||
			fail "no such buffers"
	done
}

file=
value=
held=
[ ! -e $MESH/inums ] || . $MESH/inums

mesh_file() {
	eval "file=$D/ramster/net:\$inum$1/$2"
}

mesh_get() {
	mesh_file "$1" "$2"
	read -r value <"$file"
}

mesh_set() { # K FILE VALUE
	mesh_file "$1" "torture/$2"
	echo "$3" >"$file"
}

mesh_describe() { # N K
	local i=0 dir=$CLUSTERS/mesh$2 dirs=''

	echo mesh >"$dir/cluster_name"
	echo 1000 >"$dir/keepalive_delay_ms"
	echo "${MESH_IDLE_MS:-10000}" >"$dir/idle_timeout_ms"
	echo 200 >"$dir/reconnect_delay_ms"
	echo 20000 >"$dir/get_timeout_ms"
	echo "${MESH_CAPACITY_MB:-64}" >"$dir/capacity_mb"
	while [ $i -lt "$1" ]; do
		dirs="$dirs $dir/node/$i"
		i=$((i + 1))
	done
	# shellcheck disable=SC2086 # a list
	mkdir $dirs || return
	i=0
	for dir in $dirs; do
		echo $MESH_PORT >"$dir/ipv4_port" &&
		echo 10.1.0.$((i + 1)) >"$dir/ipv4_address" &&
		echo $i >"$dir/num" || return
		i=$((i + 1))
	done
	echo 1 >"$CLUSTERS/mesh$2/node/$2/local"
}

mesh_start() {
	local n=$1 k
	shift
	for k in "$@"; do
		{ mesh_enter "$k" mkdir "$CLUSTERS/mesh$k" && mesh_describe "$n" "$k"; } ||
			fail "node $k does not start"
		mesh_set "$k" pages "${MESH_PAGES:-48}"
		[ -z "${MESH_PAUSE_US:-}" ] || mesh_set "$k" pause_us "$MESH_PAUSE_US"
		[ -z "${MESH_SEED:-}" ] || mesh_set "$k" seed $((MESH_SEED + k))
	done
}

mesh_stop() {
	local k

	for k in "$@"; do
		mesh_file "$k" torture/results
		cat "$file" >>$MESH/past
		# the one that is local goes first, and the node with it
		{ rmdir "$CLUSTERS/mesh$k/node/$k" &&
		rmdir "$CLUSTERS/mesh$k"/node/* "$CLUSTERS/mesh$k"; } ||
			fail "node $k does not stop"
	done
}

mesh_stop_all() {
	local dir

	for dir in "$CLUSTERS"/mesh*; do
		[ ! -d "$dir" ] || mesh_stop "${dir##*/mesh}"
	done
}

# One connection to each of the others, no more.
mesh_connected() { # N K
	mesh_file "$2" peers
	[ "$(grep -c ' up ' "$file")" = $(($1 - 1)) ]
}

mesh_up() {
	local n=$1 k
	shift
	for k in "$@"; do
		wait_until 60 mesh_connected "$n" "$k" ||
			fail "node $k is not connected to all: $(cat "$file")"
	done
}

# mesh_sockets K: established connections that begin or end in a namespace.
mesh_sockets() {
	mesh_enter "$1" awk -v port=":$(printf %04X $MESH_PORT)" '
		$4 == "01" && ($2 ~ port || $3 ~ port) { n++ }
		END { print n + 0 }' /proc/net/tcp
}

mesh_send() {
	if [ "$2" = - ]; then
		mesh_set "$1" rotate_ms 0
		mesh_set "$1" enable 0 && mesh_set "$1" target -1
	elif [ "$2" = '*' ]; then
		mesh_set "$1" rotate_ms "${MESH_ROTATE_MS:-150}" &&
		mesh_set "$1" target $(($1 == 0)) && mesh_set "$1" enable 1
	else
		mesh_set "$1" target "$2" && mesh_set "$1" enable 1
	fi || fail "node $1 cannot send to $2"
}

mesh_threads() { # THREADS K...
	local threads=$1 k pids='' status=0
	shift
	# each waits for its threads to end, so all at once
	for k in "$@"; do
		mesh_set "$k" threads "$threads" &
		pids="$pids $!"
	done
	for k in $pids; do
		wait "$k" || status=1
	done
	[ $status = 0 ] || fail "threads of $* cannot be set to $threads"
}

mesh_work() {
	local secs=$1 threads=$2
	shift 2
	mesh_threads "$threads" "$@"
	sleep "$secs"
	mesh_threads 0 "$@"
}

# mesh_any FILE... -- K...: sets $held to those that are not 0, as K:FILE=NUMBER
mesh_any() {
	local f k files=''

	while [ "$1" != -- ]; do
		files="$files $1"
		shift
	done
	shift
	held=
	for k in "$@"; do
		for f in $files; do
			mesh_get "$k" "$f"
			[ "$value" = 0 ] || held="$held $k:$f=$value"
		done
	done
}

mesh_is_quiet() { # K...
	mesh_any remote_sending remote_debts -- "$@"
	[ -z "$held" ]
}

mesh_quiet() {
	local secs=$1
	shift
	wait_until "$secs" mesh_is_quiet "$@" || fail "still on their way:$held"
}

mesh_is_away() { # K...
	local k place pers eph

	mesh_is_quiet "$@" || return
	for k in "$@"; do
		mesh_file "$k" torture/where
		while read -r place pers eph; do
			[ "$place" != local ] || [ "$pers" = 0 ] || {
				held="$held $k:local=$pers+$eph"
				return 1
			}
		done <"$file"
	done
}

mesh_away() {
	local secs=$1
	shift
	wait_until "$secs" mesh_is_away "$@" || fail "not away:$held"
}

mesh_total() {
	local name=$1 k n sum=0
	shift
	for k in "$@"; do
		mesh_file "$k" torture/results
		while read -r what n; do
			[ "$what" != "$name" ] || sum=$((sum + n))
		done <"$file"
	done
	value=$sum
}

mesh_clean() { # K...
	local k what

	for what in mismatches lost; do
		for k in "$@"; do
			mesh_total $what "$k"
			[ "$value" = 0 ] || fail "node $k: $what $value"
		done
	done
}

mesh_check() {
	local k pids='' status=0

	for k in "$@"; do
		mesh_set "$k" check 1 &
		pids="$pids $!"
	done
	for k in $pids; do
		wait "$k" || status=1
	done
	mesh_clean "$@"
	mesh_total unreachable "$@"
	[ $status = 0 ] || fail "pages cannot be had ($value were out of reach)"
}

# When all is quiet: what owners believe to be with a node is what it holds. Of
# ephemeral pages it may have dropped some.
mesh_account() {
	local k=0 line

	while [ $k -lt "$1" ]; do
		mesh_file $k torture/where
		while read -r line; do
			echo "$k $line"
		done <"$file"
		mesh_get $k foreign_pers_pages
		line=$value
		mesh_get $k foreign_eph_pages
		echo "$k holds $line $value"
		mesh_get $k remote_pers_pages
		echo "$k counts $value"
		k=$((k + 1))
	done >$MESH/account
	awk '
	$2 == "holds"	{ holds[$1] = $3; eph[$1] = $4; next }
	$2 == "counts"	{ counts[$1] = $3; next }
	$2 == "absent"	{ if ($3) { print $1 " lacks " $3 " pages"; bad = 1 }; next }
	$2 != "local"	{ with[$2] += $3; soft[$2] += $4; own[$1] += $3
			  said = said " " $1 ">" $2 ":" $3 "+" $4 }
	END {
		for (k in holds) {
			if (holds[k] != with[k] + 0) {
				print "node " k " holds " holds[k] " pages, others believe " with[k] + 0
				bad = 1
			}
			if (eph[k] > soft[k] + 0) {
				print "node " k " holds " eph[k] " ephemeral pages, others believe " soft[k] + 0
				bad = 1
			}
			if (counts[k] != own[k] + 0) {
				print "node " k " counts " counts[k] " pages with others, and has " own[k] + 0
				bad = 1
			}
		}
		print "where (owner>holder: persistent + ephemeral):" said
		exit bad
	}' $MESH/account || fail "the accounts differ"
}

mesh_nothing_held() {
	mesh_any torture/held remote_pers_pages remote_debts remote_sending \
		foreign_pers_pages foreign_eph_pages foreign_objects remote_eph_pages \
		foreign_pers_zbytes foreign_pers_pageframes -- "$@"
	[ -z "$held" ]
}

mesh_empty() {
	local k=0 all=''

	while [ $k -lt "$1" ]; do
		mesh_set $k empty 1
		all="$all $k"
		k=$((k + 1))
	done
	# shellcheck disable=SC2086 # a list
	wait_until 30 mesh_nothing_held $all || fail "still held:$held"
}

# mesh_moved MIN K...: each of them has sent pages away, and fetched some.
mesh_moved() {
	local min=$1 k
	shift
	for k in "$@"; do
		mesh_get "$k" pers_pages_remoted
		[ "$value" -ge "$min" ] || fail "node $k moved only $value pages"
		mesh_total remote_gets "$k"
		[ "$value" -ge "$min" ] || fail "node $k fetched only $value pages"
	done
}

# mesh_pairs A>B...: these send to those.
mesh_pairs() {
	local pair

	for pair in "$@"; do
		mesh_send "${pair%>*}" "${pair#*>}"
	done
}

# mesh_topology N SECS A>B...: of a cluster of N nodes, these work and send to
# those; then everything is looked at, and forgotten.
mesh_topology() {
	local n=$1 secs=$2 senders='' pair k
	shift 2
	for pair in "$@"; do
		senders="$senders ${pair%>*}"
	done
	mesh_pairs "$@"
	# shellcheck disable=SC2086 # lists of numbers
	{
		mesh_work "$secs" 2 $senders
		mesh_away 120 $senders
		mesh_account "$n"
		mesh_check $senders
		mesh_moved "${MESH_MOVED:-50}" $senders
		for k in $senders; do
			mesh_send "$k" -
		done
		mesh_empty "$n"
	}
}

# mesh_own_pages_only: 0 > 1 > 2, where 1 has no page of its own; of node 0 it
# holds some, and would send them on to 2 in passes by the dozen.
mesh_own_pages_only() {
	mesh_pairs '0>1' '1>2'
	mesh_work 1 2 0
	mesh_away 60 0
	sleep 2
	mesh_get 1 foreign_pers_pages
	[ "$value" -ge 50 ] || fail "node 1 holds only $value pages"
	mesh_get 1 pers_pages_remoted
	[ "$value" = 0 ] || fail "node 1 sent $value pages that are not its own"
	mesh_get 2 foreign_puts
	[ "$value" = 0 ] || fail "node 2 was sent $value pages"
	mesh_account 8
	mesh_check 0
	mesh_send 0 -
	mesh_send 1 -
	mesh_empty 8
}

# mesh_one_connection N: between any two nodes there is one, and it is the
# first.
mesh_one_connection() {
	local k=0 n

	while [ $k -lt "$1" ]; do
		n=$(mesh_sockets $k)
		[ "$n" = $(($1 - 1)) ] || fail "node $k has $n sockets"
		mesh_file $k peers
		n=$(awk 'NR > 1 && $3 != 1 { print $1 ":" $3 }' "$file")
		[ -z "$n" ] || fail "node $k was connected more than once: $n"
		k=$((k + 1))
	done
}

# mesh_all_links N: pages went from each node to each other, and came back.
mesh_all_links() {
	local k=0 n

	while [ $k -lt "$1" ]; do
		mesh_file $k peers
		n=$(awk '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		!$column["pages_sent"] || !$column["pages_fetched"] { print $1 }
		' "$file")
		[ -z "$n" ] || fail "node $k sent no page to, or got none back from:" "$n"
		k=$((k + 1))
	done
}

# mesh_begin N: all work without end, each sends to all others by turns.
mesh_begin() {
	local k=0

	while [ $k -lt "$1" ]; do
		mesh_send $k '*'
		mesh_set $k threads 2
		k=$((k + 1))
	done
}

# mesh_again N K: a node is restarted while the others work, and works on.
mesh_again() {
	mesh_stop "$2"
	mesh_start "$1" "$2"
	mesh_up "$1" "$2"
	mesh_send "$2" '*'
	mesh_set "$2" threads 2
}

# mesh_reset K: cut all connections of a node.
mesh_reset() {
	mesh_enter "$1" sockdestroy $MESH_PORT
}

# mesh_totals N: all results of the nodes 0 to N-1, and of those that were taken
# down; a line each.
mesh_totals() {
	local k=0 files=''

	while [ $k -lt "$1" ]; do
		mesh_file $k torture/results
		files="$files $file"
		k=$((k + 1))
	done
	[ ! -e $MESH/past ] || files="$files $MESH/past"
	# shellcheck disable=SC2086 # a list
	awk '{ n[$1] += $2 } END { for (name in n) print name, n[name] }' $files
}

# mesh_end N: stop the work, and look at everything.
mesh_end() {
	local all k

	all=$(seq -s ' ' 0 $(($1 - 1)))
	# shellcheck disable=SC2086 # a list
	{
		mesh_up "$1" $all
		mesh_threads 0 $all
		# of pages that went with a restarted node, their owners learn now
		mesh_check $all
		mesh_away 240 $all
		mesh_account "$1"
		mesh_check $all
		for k in $all; do
			mesh_send "$k" -
		done
		mesh_empty "$1"
		mesh_clean $all
	}
}
