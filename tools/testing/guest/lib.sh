# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# For scripts that run inside a guest: . /tests/lib.sh
#
# File 3 goes straight to the host's list of results; see agent.c.

ok()	{ echo "ok $*" >&3; }
not_ok() { echo "not ok $*" >&3; }	# not_ok NAME: WHY
note()	{ echo "note $*" >&3; }
mark()	{ echo "mark $*" >&3; }

D=/sys/kernel/debug

# fail WHY: ends the script; the test fails.
fail() {
	echo "failed: $*"
	exit 1
}

# counter FILE: the number in $D/FILE, or 0 where there is no such file.
counter() {
	if [ -r "$D/$1" ]; then
		read -r value <"$D/$1"
		echo "$value"
	else
		echo 0
	fi
}

# vmstat NAME
vmstat() {
	awk -v n="$1" '$1 == n { print $2 }' /proc/vmstat
}

# uptime_s: whole seconds since boot.
uptime_s() {
	read -r up _ </proc/uptime
	echo "${up%%.*}"
}

# wait_until SECONDS COMMAND...: false if it does not come true in time.
wait_until() {
	local end=$(($(uptime_s) + $1))
	shift
	until "$@"; do
		[ "$(uptime_s)" -lt "$end" ] || return 1
		sleep 0.2
	done
}
