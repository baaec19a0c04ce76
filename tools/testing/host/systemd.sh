#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The units for systemd, as "make install" puts them in place: systemd finds
# nothing wrong with them, and in what it computes for a boot the order is swap,
# network, node.  At shutdown it goes the other way through the same order.
#
# Nothing is started: systemd only plans the boot of a directory.  Silent when all
# is well.
set -u -o pipefail
cd "$(dirname "$0")/../../.." || exit 1

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
units=$root/usr/lib/systemd/system
status=0

failed() {
	echo "$*"
	status=1
}

make -s install DESTDIR="$root" || exit 1
for unit in /usr/lib/systemd/system/*; do
	[ -e "$units/${unit##*/}" ] || cp -a "$unit" "$units/"
done
# one swap area that says of itself what order it wants, as those of fstab do,
# and one that does not
printf '[Swap]\nWhat=/dev/vda\n' >"$units/dev-vda.swap"
printf '[Unit]\nDefaultDependencies=no\n[Swap]\nWhat=/dev/vdb\n' >"$units/dev-vdb.swap"
mkdir -p "$units/swap.target.wants" "$units/multi-user.target.wants"
ln -s ../dev-vda.swap ../dev-vdb.swap "$units/swap.target.wants/"
ln -s ../ramster.service "$units/multi-user.target.wants/"

complaints=$(systemd-analyze verify --man=no --root="$root" ramster.service \
	ramster-send.service 2>&1)
[ -z "$complaints" ] || failed "$complaints"

# plan: what systemd makes of a boot; it does not do that as root.
plan() {
	local as=()

	[ "$(id -u)" != 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	SYSTEMD_LOG_TARGET=console SYSTEMD_UNIT_PATH=$units HOME=/nonexistent \
		timeout 60 "${as[@]}" /usr/lib/systemd/systemd --test --system \
		--unit=multi-user.target --no-pager 2>/dev/null
}

# about UNIT: its lines in the plan.
about() {
	awk -v unit="-> Unit $1:" '
		/-> Unit / { mine = index($0, unit) }
		mine { sub(/^[ \t]+/, ""); print }' "$root/plan"
}

# says UNIT LINE: a line of the plan, up to a blank.
says() {
	about "$1" | grep -E "^$2( |$)" >/dev/null || failed "$1: not \"$2\""
}

plan >"$root/plan"
[ -s "$root/plan" ] || failed "systemd has no plan"
for before in network-online.target network.target swap.target dev-vda.swap \
	dev-vdb.swap sys-kernel-config.mount; do
	says ramster.service "After: $before"
done
says ramster.service "Wants: network-online.target"
# taken down in the shutdown, not killed after it
says ramster.service "Conflicts: shutdown.target"
says ramster.service "Before: shutdown.target"
says ramster.service "Action: ramster.service -> start"
says ramster-send.service "After: ramster.service"
says ramster-send.service "PartOf: ramster.service"
says ramster-send.service "Action: ramster-send.service -> start"

# this test sees what is missing: without the drop-in there is no order
rm "$units/swap.d/ramster.conf"
plan >"$root/plan"
! about ramster.service | grep "After: dev-vdb.swap" ||
	failed "dev-vdb.swap comes before ramster.service without the drop-in, too"
exit $status
