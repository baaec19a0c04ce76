#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# oracle.sh [-b] [-l] [-n PAGES] [-s SECONDS] [TEST...]: does memory that went through
# swap come back as it was?  See ../swap_oracle for the tests, and TORTURE in its
# header for the backend that misbehaves on purpose.
#
#	-b	swap on a RAM disk.  It is a synchronous device, for which the
#		kernel would like to skip the swap cache, and takes large folios
#	-l	the swap device takes large folios: if it gets none, fail
#
# Swaps on the first device of /proc/swaps, else on /dev/vda.

if [ -r /tests/lib.sh ]; then
	. /tests/lib.sh
else
	ok() { echo "ok $*"; }
	not_ok() { echo "not ok $*"; }
	note() { echo "# $*"; }
fi

torture=/sys/module/frontswap_torture/parameters
device=$(awk 'NR == 2 { print $1 }' /proc/swaps)
args=
while [ $# -gt 0 ]; do
	case $1 in
	-b)	device=/dev/ram0; args="$args -l"; shift ;;
	-l)	args="$args -l"; shift ;;
	-*)	args="$args $1 $2"; shift 2 ;;
	*)	break ;;
	esac
done
device=${device:-/dev/vda}

# One device, so that a test knows where its pages go.
sed 1d /proc/swaps | while read -r other _; do
	[ "$other" = "$device" ] || swapoff "$other"
done
grep -q "^$device " /proc/swaps || {
	mkswap "$device" >/dev/null && swapon "$device"
} || {
	not_ok "oracle: cannot swap on $device"
	exit 1
}

if [ -d $torture ] && ! echo 1 >$torture/register; then
	not_ok "oracle: frontswap_torture is refused as the backend"
	exit 1
fi

{
	# shellcheck disable=SC2086 # a list of words
	swap_oracle -d "$device" $args "$@"
	echo "status $?"
} | while read -r line; do
	case $line in
	"ok "*)		ok "${line#ok }" ;;
	"not ok "*)	not_ok "${line#not ok }" ;;
	"status "*)	exit "${line#status }" ;;
	*)		note "$line" ;;
	esac
done
status=$?

# In the end nothing is held, and the backend can go.
swapoff "$device"
if [ "$(cat /sys/kernel/debug/frontswap/held_pages)" != 0 ]; then
	not_ok "oracle: pages are held after swapoff"
	status=1
fi
if [ -d $torture ]; then
	if ! echo 0 >$torture/register; then
		not_ok "oracle: the backend cannot go"
		status=1
	fi
	errors=$(cat $torture/contract_errors)
	if [ "$errors" != 0 ]; then
		not_ok "oracle: $errors calls against the contract"
		status=1
	fi
	# where they come from is what makes them difficult
	if [ "$(cat $torture/atomic_invalidates)" = 0 ]; then
		not_ok "oracle: no invalidate came from atomic context"
		status=1
	fi
fi
exit $status
