# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The configuration of a cluster, and the control files: two nodes in two
# network namespaces of one guest.  See guest/configure.sh.

# Tests that may run beside one another; see ../run.
# shellcheck disable=SC2034
TOGETHER="configure"

# Every rule of the files in configfs and sysfs, and the lines that they leave in
# the log: what is refused, and why; nodes up and down, by hand and by
# themselves; a namespace that goes away.
test_configure() {
	every_checker
	boot one --mem 320 --append ramster
	ON_TIMEOUT=300 on one sh /tests/configure.sh rules early disagree \
		connect by_hand target dead remove namespace stop
	finish
}
