# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# status and top: what the node does, in tables for people.  Part of ramster.sh.

# Lines in: "node NUMBER KEY VALUE" of the cluster file; "peer" and, of an earlier
# time, "old", each before a line of debugfs's table of peers, whose first line
# has the names.  Out: a line for each node of the file; with secs, what happened
# for each second since then, else in all.
AWK_NODES='
function get(key) { return (key in have) ? have[key] : 0 }
function diff(key) {
	return get(key) - (secs && (key in before) ? before[key] : 0)
}
function rate(key) { return diff(key) / (secs ? secs : 1) }
function ms(us) { return sprintf("%.2f", us / 1000) }
function pages(key) { return sprintf("%.0f", rate(key)) }
function mib(key) { return sprintf("%.1f", rate(key) / 1048576) }
function cell(text, width) { return sprintf(" %" width "s", text) }
function columns(num,   i, n, line, mean, longest) {
	if (!(num in now))
		return cell(num == self ? "local" : num in state ? state[num] : "?", 12)
	split("", have); split("", before)
	n = split(now[num], value, " ")
	for (i = 2; i <= n; i++) have[title[i]] = value[i]
	n = (num in old) ? split(old[num], value, " ") : 0
	for (i = 2; i <= n; i++) before[title[i]] = value[i]
	# counted anew: the node was removed, and added again
	if (secs && get("rx_bytes") < before["rx_bytes"]) split("", before)
	mean = diff("pages_fetched") ? ms(diff("fetch_us") / diff("pages_fetched")) : "-"
	longest = get("fetch_max_us") ? ms(get("fetch_max_us")) : "-"
	return cell(have["state"], 12) cell(pages("pages_sent"), 9) \
	       cell(pages("pages_fetched"), 9) cell(pages("pages_taken"), 9) \
	       cell(pages("pages_returned"), 9) cell(mib("tx_bytes"), 9) \
	       cell(mib("rx_bytes"), 9) cell(mean, 8) cell(longest, 8)
}
$1 == "node" && $3 == "name" {
	name[$2] = $4
	if (length($4) > wide) wide = length($4)
	next
}
$1 == "node" { next }
$1 == "state" { sub(/:$/, "", $3); state[$2] = $3; next }
$2 == "node" {		# the titles
	for (i = 2; i <= NF; i++) title[i - 1] = $i
	next
}
$1 == "peer" { num = $2; sub(/^peer /, ""); now[num] = $0; next }
$1 == "old" { num = $2; sub(/^old /, ""); old[num] = $0 }
END {
	if (wide < 4) wide = 4
	per = secs ? "/s" : ""
	printf "%4s %-" wide "s %12s %19s %19s %19s %17s\n", "", "", "", \
	       "our pages there", "their pages here", "MiB" per, "fetch, ms"
	printf "%4s %-" wide "s %12s %9s %9s %9s %9s %9s %9s %8s %8s\n", "node", \
	       "name", "state", "sent" per, "fetched" per, "taken" per, \
	       "returned" per, "out", "in", "mean", "longest"
	for (num = 0; num < 255; num++)
		if (num in name)
			printf "%4d %-" wide "s%s\n", num, name[num], columns(num)
}'

# Where there is no table of peers, configfs at least has their states.
states() {
	for num in $(numbers); do
		sed "s/^/state $num /" "$CONFIGFS/ramster/$CLUSTER/node/$(field "$num" name)/state" 2>/dev/null
	done
}

peers() { cat "$DEBUGFS"/ramster/peers 2>/dev/null; }

nodes_table() { # NOW [BEFORE SECONDS]
	{
		echo "$PARSED" | grep '^node '
		if [ -n "$1" ]; then
			echo "$1" | sed 's/^/peer /'
		else
			states
		fi
		[ -z "${2:-}" ] || echo "$2" | sed 's/^/old /'
	} | awk -v self="$SELFNUM" -v secs="${3:-0}" "$AWK_NODES"
}

# A number under debugfs, or what stands for none.
counter() { cat "$DEBUGFS/ramster/$1" 2>/dev/null || echo -; }

control() { cat "$MM/$1" 2>/dev/null || echo -; }

row() { printf '  %-38s %12s  %s\n' "$1" "$2" "${3:-}"; }

sends() {
	swap=$(control pers_remotify_enable)
	cache=$(control eph_remotify_enable)
	case $swap$cache in
	11)	echo "swap and page cache" ;;
	1*)	echo "swap" ;;
	*1)	echo "page cache" ;;
	*)	echo "nothing" ;;
	esac
}

# Whether anybody else has a page that is with a peer.
copies() {
	away=$(control remote_pers_pages)
	risk=$(control remote_pages_at_risk)
	one="the only copy: lost if that peer is"
	case $away in
	0 | -)	;;
	*)	case $(cat "$CONFIGFS/ramster/$CLUSTER/copies" 2>/dev/null):$risk in
		2:0)	echo "each with two peers" ;;
		2:[0-9]*)
			# both change while they are read
			if [ "$risk" -lt "$away" ]; then
				one="of $risk $one"
			fi
			echo "$one" ;;
		*)	echo "$one" ;;
		esac ;;
	esac
}

# What the target said last that it could lend, if it says so.
room() { # NUMBER
	peers | awk -v num="$1" '
		$1 == "node" { for (i = 1; i <= NF; i++) if ($i == "room_pages") at = i }
		$1 == num && at { printf ", which has room for %d MiB", $at / 256 }'
}

# Frames that peers want back of this node, by the table; nothing if none.
recalled() {
	peers | awk '
		$1 == "node" { for (i = 1; i <= NF; i++) if ($i == "recall_pages") at = i }
		$1 != "node" && at { sum += $at }
		END { if (sum) printf "%d", sum }'
}

# What is wanted back, in either direction.
recalls() {
	wanted=$(counter recalled_wanted)
	case $wanted in
	0 | -) ;;
	*) row "frames wanted back of peers" "$wanted" "RAM is short here, or lent beyond capacity_mb" ;;
	esac
	wanted=$(recalled)
	[ -z "$wanted" ] || row "frames that peers want back" "$wanted" "pages leave them as there is room"
}

summary() {
	target=$(control remote_target_nodenum)
	there=$(room "$target")
	[ "$target" != any ] || there=", to whoever has room"
	[ -z "$(field "$target" name)" ] || target="$target ($(field "$target" name))"
	row "sent to node" "$target" "sending: $(sends)$there"
	row "swap pages with peers" "$(control remote_pers_pages)" "$(copies)"
	row "page cache pages with peers" "$(counter remote_eph_pages)"
	row "on their way now" "$(control remote_sending)"
	row "peers have yet to forget" "$(control remote_debts)"
	row "swap pages of peers held here" "$(control foreign_pers_pages)" \
		"in $(counter foreign_pers_pageframes) frames"
	row "page cache pages of peers held here" "$(counter foreign_eph_pages)"
	row "swap pages fetched, of these failed" \
		"$(counter remote_pers_pages_succ_get)" \
		"$(counter remote_pers_pages_unsucc_get)"
	recalls
}

online() {
	[ -d "$CONFIGFS/ramster/$CLUSTER" ] && return
	say "cluster $CLUSTER: Offline"
	return 3
}

do_status() {
	load
	check_revision
	online || exit
	say "cluster $CLUSTER: Online, this is node ${SELFNUM:-?} ($SELF)"
	mount_debugfs
	now=$(peers)
	[ -n "$now" ] || say "no debugfs ($DEBUGFS/ramster): no table of nodes, and \"-\" below" >&2
	echo
	nodes_table "$now"
	echo
	summary
}

# Waits for a key, where there is a keyboard; true if it says: end.
enough() { # SECONDS
	if [ -z "$TTY_SAVED" ]; then
		sleep "$1"
		return 1
	fi
	# dd returns with the key, or after the time that stty has set
	case $(dd bs=1 count=1 2>/dev/null) in
	q | Q) return 0 ;;
	esac
	return 1
}

keyboard_on() {
	TTY_SAVED=
	if [ -t 0 ] && [ -t 1 ] && TTY_SAVED=$(stty -g 2>/dev/null); then
		tenths=$(awk -v s="$INTERVAL" 'BEGIN { t = int(s * 10); print (t > 255 ? 255 : t < 1 ? 1 : t) }')
		stty -icanon -echo min 0 time "$tenths"
	fi
}

keyboard_off() {
	[ -z "$TTY_SAVED" ] || stty "$TTY_SAVED"
	TTY_SAVED=
}

uptime_now() { cut -d ' ' -f 1 /proc/uptime; }

# One screen; on a terminal it takes the place of the one before.
screen() {
	now=$(peers)
	at=$(uptime_now)
	text=$(
		echo "cluster $CLUSTER, node ${SELFNUM:-?} ($SELF), $(date +%H:%M:%S)${TTY_SAVED:+  (q: end)}"
		echo
		nodes_table "$now" "$before" "$(awk -v a="$at" -v b="$before_at" 'BEGIN { print (a > b ? a - b : 1) }')"
		echo
		summary
	)
	[ ! -t 1 ] || printf '\033[H\033[2J'
	echo "$text"
	[ -t 1 ] || echo
	before=$now
	before_at=$at
}

do_top() {
	load
	check_revision
	online || exit
	mount_debugfs
	[ -n "$(peers)" ] || die "top needs debugfs: there is no $DEBUGFS/ramster/peers"
	trap 'keyboard_off; exit 0' INT TERM
	keyboard_on
	before=$(peers)
	before_at=$(uptime_now)
	count=0
	while ! enough "$INTERVAL"; do
		if ! online; then
			keyboard_off
			exit 3
		fi
		screen
		count=$((count + 1))
		[ "$count" != "$ROUNDS" ] || break
	done
	keyboard_off
}
