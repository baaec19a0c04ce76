# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# configure: writes the cluster file, and what this machine does at boot.  Part
# of ramster.sh.
#
# What there is, is read first, what is asked for replaces it, and the whole is
# checked by the parser before it takes the place of the file.

configure_usage() {
	cat <<'USAGE'
usage: ramster.sh [-c FILE] configure [options]

Without options, on a terminal, or with -i, asks for everything.

  --cluster NAME            name of the cluster
  --idle-timeout MS         a connection silent for so long is dropped
  --keepalive MS            a peer silent for so long is asked
  --reconnect MS            pause between two attempts to connect
  --get-timeout MS          nobody waits longer for a page of a peer
  --dead-threshold N        heartbeats missed until a node counts as dead
  --heartbeat-mode MODE     local or global
  --fence-method METHOD     reset or panic
  --copies N                1 or 2: on how many peers a swap page is to be
  --node KEY=VALUE,...      a node: name, ip_address, and if wanted number
                            (else: the lowest that is free), ip_port (7777),
                            target, send, capacity_mb. A node of that name
                            changes in the fields that are given; "target="
                            takes a field away
  --remove-node NAME
  --new                     begin with nothing, whatever the file says
  --on-boot yes|no          start at boot or not: enables the service where
                            there is systemd
  --show                    print what would be written, and write nothing

The same cluster file goes to all machines; copy it there.
USAGE
}

unset_field() { # PREFIX, e.g. "cluster name" or "node 3 target"
	PARSED=$(echo "$PARSED" | awk -v p="$1 " 'index($0, p) != 1')
}

set_field() { # PREFIX VALUE; an empty value takes the field away
	unset_field "$1"
	[ -z "$2" ] || PARSED="$PARSED
$1 $2"
}

free_number() {
	n=0
	while numbers | grep -qx "$n"; do
		n=$((n + 1))
	done
	echo "$n"
}

# Sets what "KEY=VALUE,..." says of a node.
set_node() {
	fields=$(echo "$1" | tr ',' '\n')
	name=$(echo "$fields" | sed -n 's/^name=//p')
	[ -n "$name" ] || die "configure: a node needs a name: --node name=NAME,ip_address=ADDRESS,..."
	num=$(echo "$fields" | sed -n 's/^number=//p')
	old=$(number_of "$name")
	[ -n "$num" ] || num=${old:-$(free_number)}
	if [ -n "$old" ] && [ "$old" != "$num" ]; then
		# it keeps what is not given
		PARSED=$(echo "$PARSED" | awk -v o="$old" -v n="$num" '
			$1 == "node" && $2 == o { $2 = n } { print }')
	fi
	set_field "node $num number" "$num"
	[ -n "$(field "$num" ip_port)" ] || set_field "node $num ip_port" 7777
	for pair in $fields; do
		case $pair in
		*=*)	set_field "node $num ${pair%%=*}" "${pair#*=}" ;;
		*)	die "configure: node $name: \"$pair\" is not KEY=VALUE" ;;
		esac
	done
}

remove_node() { # NAME
	num=$(number_of "$1")
	[ -n "$num" ] || die "configure: there is no node $1"
	unset_field "node $num"
}

print_stanza() { # NAME, PREFIX, KEY...
	echo "$1:"
	prefix=$2
	shift 2
	for key in "$@"; do
		echo "$PARSED" | awk -v p="$prefix $key " -v k="$key" '
			index($0, p) == 1 { print "\t" k " = " substr($0, length(p) + 1) }'
	done
	# what the parser will find fault with
	echo "$PARSED" | awk -v p="$prefix " -v known=" $* " '
		index($0, p) == 1 {
			split(substr($0, length(p) + 1), a, " ")
			if (!index(known, " " a[1] " "))
				print "\t" a[1] " = " a[2]
		}'
}

print_conf() {
	echo "# Cluster file of RAMster: the same on all its machines."
	echo "# Written by ramster.sh configure, which keeps no comments."
	set_field "cluster node_count" "$(numbers | wc -l | tr -d ' ')"
	print_stanza cluster cluster name node_count idle_timeout_ms \
		keepalive_delay_ms reconnect_delay_ms get_timeout_ms \
		dead_threshold heartbeat_mode fence_method copies
	for num in $(numbers); do
		print_stanza node "node $num" name cluster number ip_address \
			ip_port target send capacity_mb
	done
}

# ask QUESTION DEFAULT: leaves the answer in ANSWER.
ask() {
	printf '%s%s: ' "$1" "${2:+ [$2]}"
	read -r ANSWER || die "configure: no answer; nothing was written"
	[ -n "$ANSWER" ] || ANSWER=$2
	# none: no value, and the default of the kernel
	[ "$ANSWER" != none ] || ANSWER=
}

ask_cluster() { # KEY DEFAULT QUESTION
	value=$(cluster_field "$1")
	ask "$3" "${value:-$2}"
	set_field "cluster $1" "$ANSWER"
}

ask_node() { # NAME
	num=$(number_of "$1")
	ask "  number" "${num:-$(free_number)}"
	node="name=$1,number=$ANSWER"
	for question in "ip_address=:its address" "ip_port=7777:TCP port" \
		"target=none:number of the node that it sends to, or any" \
		"capacity_mb=none:MiB that it lends at most"; do
		key=${question%%=*}
		default=$(field "${num:-none}" "$key")
		ask "  ${question#*:}" "${default:-$(echo "$question" | sed 's/^[^=]*=//; s/:.*//')}"
		node="$node,$key=$ANSWER"
	done
	set_node "$node"
}

ask_all() {
	echo "An empty answer takes what is in brackets; \"none\" is no value."
	ask_cluster name ramster "Name of the cluster"
	ask_cluster idle_timeout_ms 30000 "Drop a connection that was silent for (ms)"
	ask_cluster keepalive_delay_ms 2000 "Ask a peer that was silent for (ms)"
	ask_cluster reconnect_delay_ms 2000 "Pause between attempts to connect (ms)"
	ask_cluster get_timeout_ms 10000 "Wait for a page of a peer no longer than (ms)"
	ask_cluster dead_threshold 31 "Heartbeats missed until a node is dead"
	ask_cluster copies 2 "Copies of a swap page, where the target is any"
	for num in $(numbers); do
		name=$(field "$num" name)
		echo "Node $name:"
		ask_node "$name"
	done
	while ask "Name of another node (empty: no more)" "" && [ -n "$ANSWER" ]; do
		ask_node "$ANSWER"
	done
	ask "Start at boot (yes or no)" "$(setting ON_BOOT no)"
	on_boot=$ANSWER
}

# Takes the file's place only when it is right.
write_conf() {
	new=$CONF.new.$$
	print_conf >"$new" || die "configure: cannot write $new"
	if ! parse "$new" "$CONF (as it would be)" >/dev/null; then
		rm -f "$new"
		die "configure: nothing was written"
	fi
	if [ -e "$CONF" ] && ! cmp -s "$CONF" "$new"; then
		cp -p "$CONF" "$CONF.old" || die "configure: cannot keep the old file"
	fi
	mv "$new" "$CONF" || die "configure: cannot write $CONF"
	say "wrote $CONF: cluster $(cluster_field name), $(numbers | wc -l | tr -d ' ') nodes"
	[ -n "$(number_of "$SELF")" ] ||
		say "none of them is this machine, \"$SELF\": is a name wrong?"
}

write_on_boot() { # yes|no
	mkdir -p "$(dirname "$SETTINGS")"
	if ! {
		sed '/^ON_BOOT=/d' "$SETTINGS" 2>/dev/null
		echo "ON_BOOT=$1"
	} >"$SETTINGS.new.$$" || ! mv "$SETTINGS.new.$$" "$SETTINGS"; then
		die "configure: cannot write $SETTINGS"
	fi
	verb=enable
	[ "$1" = yes ] || verb=disable
	if command -v systemctl >/dev/null 2>&1 && [ -z "${RAMSTER_ROOT:-}" ]; then
		systemctl "$verb" ramster.service ||
			die "configure: systemctl cannot $verb ramster.service (make install puts it in place)"
	elif [ "$1" = yes ]; then
		say "no systemd here: have \"ramster.sh -b start\" run at boot, when the network is up"
	fi
}

do_configure() {
	PARSED=
	new_file='' asking='' on_boot='' show='' changes=''
	[ $# -gt 0 ] || ! [ -t 0 ] || asking=1
	for arg in "$@"; do
		[ "$arg" != --new ] || new_file=1
	done
	if [ -z "$new_file" ] && [ -e "$CONF" ]; then
		PARSED=$(parse "$CONF") ||
			die "configure: mend these, or begin anew with --new"
	fi
	while [ $# -gt 0 ]; do
		case $1 in
		-i | --new | --show | --help) ;;
		--*) [ $# -gt 1 ] || die "configure: $1 needs a value" ;;
		esac
		case $1 in
		--cluster)	key=name ;;
		--idle-timeout)	key=idle_timeout_ms ;;
		--keepalive)	key=keepalive_delay_ms ;;
		--reconnect)	key=reconnect_delay_ms ;;
		--get-timeout)	key=get_timeout_ms ;;
		--dead-threshold) key=dead_threshold ;;
		--heartbeat-mode) key=heartbeat_mode ;;
		--fence-method)	key=fence_method ;;
		--copies)	key=copies ;;
		*)		key= ;;
		esac
		case $1 in
		-i)		asking=1 ;;
		--new)		changes=1 ;;
		--show)		show=1 ;;
		--help)		configure_usage; exit 0 ;;
		--node)		set_node "$2"; changes=1; shift ;;
		--remove-node)	remove_node "$2"; changes=1; shift ;;
		--on-boot)	on_boot=$2; shift ;;
		*)
			[ -n "$key" ] || {
				configure_usage >&2
				die "configure: what is $1?"
			}
			set_field "cluster $key" "$2"
			changes=1
			shift ;;
		esac
		shift
	done
	if [ -n "$asking" ]; then
		ask_all
		changes=1
	fi
	case $on_boot in
	'' | yes | no) ;;
	*) die "configure: start at boot: \"$on_boot\" is neither yes nor no" ;;
	esac
	if [ -n "$show" ]; then
		print_conf
		return
	fi
	[ -n "$changes$on_boot" ] || {
		configure_usage >&2
		die "configure: nothing to do, and no terminal to ask at"
	}
	[ -z "$changes" ] || write_conf
	[ -z "$on_boot" ] || write_on_boot "$on_boot"
}
