# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Of the harness itself: that a guest can be given orders, and that whatever may
# go wrong in one does fail a test.

# A guest boots, answers, swaps to its disk and is clean at its end.
test_guest_swaps() {
	boot one --mem 160 --swap 512
	on one 'uname -r; cat /proc/swaps; free -m'
	on one pageload --mb 200 --threads 2 write read rewrite=30 read
	on one 'test $(sed -n "s/^pswpout //p" /proc/vmstat) -gt 1000'
	finish
}

# Two guests reach each other.
test_guests_talk() {
	boot_start a --ip 10.0.0.1
	boot_start b --ip 10.0.0.2
	boot_wait a b
	on a ping -c 2 10.0.0.2
	finish
}

# A warning must not pass: the guest panics and the test notices.  Also a guest
# that hangs, that says "not ok", that leaks.
test_failures_are_noticed() {
	boot sick
	expect_failure "on sick 'echo c >/proc/sysrq-trigger'"
	expect_splat sick .
	kill_guest sick

	boot sick2
	expect_failure "ON_TIMEOUT=3 on sick2 'sleep 1000'"
	expect_failure "on sick2 false"
	kill_guest sick2
}

# expect_failure SCRIPT: in a subshell, so that its fail() is not ours.
expect_failure() {
	if (eval "$1") >"$RUN/expected" 2>&1; then
		fail "went unnoticed: $1"
	fi
}
