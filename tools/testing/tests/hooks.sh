# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Of the hooks in the kernel, with the backend frontswap_torture: see
# ../swap_oracle for what each of its tests is after.
# shellcheck disable=SC2034 # read by ../run
TIMEOUT=1200
# One guest each, which leaves more than half of two CPUs idle.
TOGETHER="swap_oracle swap_oracle_sync_device swap_oracle_nvme"
TOGETHER+=" oracle_notices_presence_bits oracle_notices_zswap_copies"
TOGETHER+=" oracle_notices_zeromap_copies"

# Pages of a region, and a unit of time.  A tick of that kernel is 10 ms, and so
# is the delay of a load that was deferred.
ORACLE="-n 1024 -s 2"

# Every path of a page through swap, on a disk.
test_swap_oracle() {
	boot one --mem 400 --swap 1024
	ON_TIMEOUT=900 on one sh /tests/oracle.sh "$ORACLE"
	finish
}

# The same on a synchronous device, and large folios, which it takes.
test_swap_oracle_sync_device() {
	boot one --mem 512 --append 'brd.rd_size=131072'
	ON_TIMEOUT=900 on one sh /tests/oracle.sh "$ORACLE" -b anon fork \
		overwrite willneed mixed swapoff unregister_refused \
		large_folios huge_folios
	finish
}

# Large folios on an asynchronous device, which has them under writeback.
test_swap_oracle_nvme() {
	every_checker
	boot one --mem 512 --nvme 512
	ON_TIMEOUT=900 on one sh /tests/oracle.sh "$ORACLE" -l anon fork \
		willneed swapoff write_through mixed large_folios huge_folios
	finish
}

# The oracle notices a kernel that is broken: see mutations/hooks.patch.
oracle_notices() {
	local what=$1 image
	shift

	image=$(broken_kernel)
	RAMSTER_IMAGE=$image boot one --mem 400 --swap 1024 \
		--append "$what"
	on one 'echo 1 >/sys/module/frontswap_torture/parameters/register'
	sees_old_data "swap_oracle $ORACLE $*"
	kill_guest one
}

test_oracle_notices_presence_bits() {
	oracle_notices frontswap.broken=presence_bits overwrite
}

test_oracle_notices_zswap_copies() {
	oracle_notices frontswap.broken=zswap_copies zswap_stale
}

test_oracle_notices_zeromap_copies() {
	oracle_notices page_io.broken=zeromap_copies zswap_stale_zeroes
}
