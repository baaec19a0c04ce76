# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# The cluster file: read and checked.  Part of ramster.sh.
#
# load leaves it in PARSED, a line for each field: "cluster KEY VALUE" or
# "node NUMBER KEY VALUE".

# What the awk programs of parse share: is this an address, a number?
AWK_CHECKS='
function is_number(s, low, high) {
	return s ~ /^[0-9]+$/ && length(s) <= 10 && s + 0 >= low && s + 0 <= high
}
function is_ipv4(s,   part, i) {
	if (split(s, part, ".") != 4)
		return 0
	for (i = 1; i <= 4; i++)
		if (length(part[i]) > 3 || !is_number(part[i], 0, 255))
			return 0
	return 1
}
# One side of "::", or all of it: how many groups of 16 bits, or -1.
function ipv6_groups(s,   part, n, i, extra) {
	if (s == "")
		return 0
	n = split(s, part, ":")
	for (i = 1; i <= n; i++) {
		if (i == n && part[i] ~ /\./) {
			if (!is_ipv4(part[i]))
				return -1
			extra = 1
		} else if (part[i] !~ /^[0-9a-fA-F]+$/ || length(part[i]) > 4) {
			return -1
		}
	}
	return n + extra
}
function is_ipv6(s,   at, left, right) {
	at = index(s, "::")
	if (!at)
		return ipv6_groups(s) == 8
	left = ipv6_groups(substr(s, 1, at - 1))
	right = ipv6_groups(substr(s, at + 2))
	return left >= 0 && right >= 0 && left + right <= 7
}
# Empty, or why a machine cannot have this address.
function wrong_address(s,   part) {
	if (s ~ /%/)
		return "has a zone; addresses of one link only cannot be used"
	if (s ~ /:/) {
		if (!is_ipv6(s))
			return "is not an IPv6 address"
		if (s ~ /^[fF][fF]/)
			return "is a multicast address"
		if (s ~ /^[0:]+$/)
			return "is no address of one machine"
		return ""
	}
	if (!is_ipv4(s))
		return "is neither an IPv4 nor an IPv6 address"
	split(s, part, ".")
	if (part[1] + 0 >= 224 && part[1] + 0 <= 239)
		return "is a multicast address"
	if (s ~ /^[0.]+$/ || s == "255.255.255.255")
		return "is no address of one machine"
	return ""
}
'

AWK_PARSE='
function bad(line, why) {
	printf "%s:%d: %s\n", file, line, why > "/dev/stderr"
	failed++
}
function range(key, value, low, high) {
	if (!is_number(value, low, high))
		bad(NR, key ": \"" value "\" is not a number from " low " to " sprintf("%.0f", high))
}
function one_of(key, value, words,   w, n, i) {
	n = split(words, w, " ")
	for (i = 1; i <= n; i++)
		if (value == w[i])
			return
	gsub(" ", ", ", words)
	bad(NR, key ": \"" value "\" is none of " words)
}
function need(key) {
	if (!(key in seen))
		bad(start, "this node has no field \"" key "\"")
}
function unique(key, value, table) {
	if (!(key in seen))
		return
	if (value in table)
		bad(at[key], key ": " value " is that of the node at line " \
		    table[value] ", too")
	else
		table[value] = start
}
function finish(   key, num) {
	if (stanza != "node")
		return
	need("name"); need("number"); need("ip_address"); need("ip_port")
	unique("number", seen["number"], numbers)
	unique("name", seen["name"], names)
	unique("ip_address", tolower(seen["ip_address"]), addresses)
	if ("target" in seen) {
		if (seen["target"] == seen["number"])
			bad(at["target"], "target: node " seen["number"] \
			    " cannot send to itself")
		if (seen["target"] ~ /^[0-9]+$/)
			wanted[at["target"]] = seen["target"]
	}
	if ("cluster" in seen)
		member[at["cluster"]] = seen["cluster"]
	nodes++
	num = ("number" in seen) ? seen["number"] : "?"
	for (key in seen)
		print "node", num, key, seen[key]
}
function check_value(key, value,   why) {
	if (value ~ /[ \t\/]/ || value == "." || value == "..") {
		bad(NR, key ": \"" value "\" has a blank or a slash, or is no name")
		return
	}
	if (key == "number" || (key == "target" && value != "any"))
		range(key, value, 0, 254)
	if (key == "copies") range(key, value, 1, 2)
	if (key == "ip_port") range(key, value, 1, 65534)
	if (key == "node_count") range(key, value, 1, 255)
	if (key == "dead_threshold") range(key, value, 3, 2147484)
	if (key ~ /_ms$/) range(key, value, 1, 4294967294)
	if (key == "capacity_mb") range(key, value, 0, 4294967294)
	if (key == "heartbeat_mode") one_of(key, value, "local global")
	if (key == "fence_method") one_of(key, value, "reset panic")
	if (key == "send") one_of(key, value, "swap cache both")
	if (key == "name" && length(value) > (stanza == "cluster" ? 63 : 64))
		bad(NR, "name: \"" value "\" is too long")
	if (key == "ip_address" && (why = wrong_address(value)) != "")
		bad(NR, "ip_address: \"" value "\" " why)
}
BEGIN {
	n = split("name node_count idle_timeout_ms keepalive_delay_ms " \
		  "reconnect_delay_ms get_timeout_ms dead_threshold " \
		  "heartbeat_mode fence_method copies", a, " ")
	for (i = 1; i <= n; i++) known["cluster", a[i]]
	n = split("name cluster number ip_address ip_port target capacity_mb " \
		  "send", a, " ")
	for (i = 1; i <= n; i++) known["node", a[i]]
}
{ sub(/#.*/, ""); sub(/[ \t\r]+$/, ""); sub(/^[ \t]+/, "") }
$0 == "" { next }
/^[a-z_]+:$/ {
	finish()
	stanza = substr($0, 1, length($0) - 1)
	start = NR
	split("", seen)
	split("", at)
	if (stanza != "cluster" && stanza != "node") {
		bad(NR, "\"" $0 "\" is neither cluster: nor node:")
		stanza = "unknown"
		unknown++
	}
	if (stanza == "cluster" && clusters++)
		bad(NR, "a second cluster")
	next
}
{
	eq = index($0, "=")
	if (!eq) { bad(NR, "\"" $0 "\" is not KEY = VALUE"); next }
	key = substr($0, 1, eq - 1); sub(/[ \t]+$/, "", key)
	value = substr($0, eq + 1); sub(/^[ \t]+/, "", value)
	if (stanza == "unknown") next
	if (stanza == "") { bad(NR, key ": a field before cluster: or node:"); next }
	if (!((stanza, key) in known)) {
		bad(NR, "\"" key "\" is not a field of a " stanza); next
	}
	if (key in seen) { bad(NR, key ": given twice"); next }
	if (value == "") { bad(NR, key ": no value"); next }
	seen[key] = value
	at[key] = NR
	before = failed
	check_value(key, value)
	if (stanza == "cluster") {
		print "cluster", key, value
		where[key] = NR
		if (failed == before)
			cluster[key] = value
	}
}
END {
	finish()
	if (!clusters && !unknown)
		bad(NR, "there is no cluster:")
	else if (clusters && !("name" in where))
		bad(NR, "the cluster has no field \"name\"")
	if (("node_count" in cluster) && cluster["node_count"] != nodes + 0)
		bad(where["node_count"], "node_count: " cluster["node_count"] \
		    ", but there are " nodes + 0 " nodes")
	idle = ("idle_timeout_ms" in cluster) ? cluster["idle_timeout_ms"] : 30000
	alive = ("keepalive_delay_ms" in cluster) ? cluster["keepalive_delay_ms"] : 2000
	if (idle + 0 <= alive + 0 && !failed) {
		key = ("idle_timeout_ms" in cluster) ? "idle_timeout_ms" : "keepalive_delay_ms"
		bad(where[key], key ": idle_timeout_ms (" idle \
		    ") must be larger than keepalive_delay_ms (" alive ")")
	}
	for (line in wanted)
		if (!(wanted[line] in numbers))
			bad(line, "target: there is no node " wanted[line])
	for (line in member)
		if (("name" in cluster) && member[line] != cluster["name"])
			bad(line, "cluster: " member[line] \
			    " is not the cluster of this file, " cluster["name"])
	exit failed > 0
}'

# Prints the fields of a cluster file, or says on stderr which line and field
# of it is wrong.
parse() { # FILE [NAME in messages]
	if [ ! -r "$1" ]; then
		say "$1: cannot be read; \"ramster.sh configure\" writes one" >&2
		return 1
	fi
	awk -v file="${2:-$1}" "$AWK_CHECKS$AWK_PARSE" "$1"
}

load() {
	PARSED=$(parse "$CONF") || exit 1
	CLUSTER=$(cluster_field name)
	SELFNUM=$(number_of "$SELF")
}

# value_of PREFIX: of the line of PARSED that begins so. Called for each field of
# each node, so it starts no program.
value_of() {
	while read -r line; do
		case $line in
		"$1 "*) echo "${line#"$1 "}"; return ;;
		esac
	done <<END
$PARSED
END
}

number_of() { # NAME
	while read -r line; do
		case $line in
		"node "*" name $1") line=${line#node }; echo "${line%% *}"; return ;;
		esac
	done <<END
$PARSED
END
}

need_self() {
	[ -n "$SELFNUM" ] || die "$CONF: no node is named \"$SELF\", which is this machine's name (use -n NAME)"
}

field() { value_of "node $1 $2"; } # NUMBER KEY
cluster_field() { value_of "cluster $1"; } # KEY

numbers() { echo "$PARSED" | awk '$1 == "node" && $3 == "number" { print $2 }' | sort -n; }

do_check() {
	load
	say "$CONF: cluster $CLUSTER, $(numbers | wc -l | tr -d ' ') nodes, no errors"
	[ -n "$SELFNUM" ] || say "none of them is this machine, \"$SELF\""
}
