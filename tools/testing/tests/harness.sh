# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Of the harness itself: that a guest can be given orders, and that whatever may
# go wrong in one does fail a test.

# Tests that may run beside one another; see ../run.
# shellcheck disable=SC2034
TOGETHER="guest_swaps guests_talk failures_are_noticed killed_guest_is_gone"

# A guest boots, answers, swaps to its disk and is clean at its end.
test_guest_swaps() {
	boot one --mem 256 --swap 512
	on one 'uname -r; cat /proc/swaps; free -m'
	on one pageload --mb 24 --threads 2 write pageout read rewrite=30 \
		pageout read
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

# What goes wrong in a guest must fail a test, and at once: a command that fails,
# one that hangs, memory that nobody knows of any more, a page that is still held, a
# panic.
test_failures_are_noticed() {
	every_checker
	boot sick --swap 64
	expect_failure "on sick false"
	expect_failure "ON_TIMEOUT=3 on sick 'sleep 1000'"
	expect_failure "expect sick $(start sick 'echo this') that 10"
	on sick 'echo 16 >/sys/module/frontswap_torture/parameters/leak'
	expect_failure "final down sick"
	grep -q 'kmemleak: unreferenced object' "$RUN/expected"
	on sick 'sed -i "s/^held() {/&\necho made_up=1/" /tests/final.sh'
	expect_failure "final settled sick"
	grep -q 'still held: made_up=1' "$RUN/expected"
	expect_failure "on sick 'echo c >/proc/sysrq-trigger'"
	grep -q 'Kernel panic' "$RUN/expected"
	expect_splat sick .
	kill_guest sick
}

# A guest that was killed takes its pages along and nothing else: the other goes
# on, and finish does not ask the dead one.
test_killed_guest_is_gone() {
	boot_start a --ip 10.0.0.1
	boot_start b --ip 10.0.0.2
	boot_wait a b
	kill_guest b
	! on a ping -c 1 -W 2 10.0.0.2
	boot b --ip 10.0.0.2
	on a ping -c 1 -W 5 10.0.0.2
	finish
}

# expect_failure SCRIPT: in a subshell, so that its fail() is not ours.
expect_failure() {
	if (eval "$1") >"$RUN/expected" 2>&1; then
		fail "went unnoticed: $1"
	fi
}
